"""The parts of the bench. Each returns what it saw as plain values, for the report and for `results.json`."""

import json
import sqlite3
import statistics
import subprocess
import threading
import time
import urllib.parse
from contextlib import ExitStack
from pathlib import Path

from driver import build, load, machine, operations, servers
from driver.directory import Directory, address
from driver.load import Load, Refused, Round, bearer, request
from driver.machine import ROOT, TARGET, WORK
from driver.operations import JSON, OPERATIONS, Operation
from driver.rauthy import Rauthy
from driver.servers import INSTANCE_REQUESTS, PASSWORD, Accord, Server


class Plan:
    """What, how long and how often."""

    def __init__(self, quick: bool, chosen: list[Operation] = OPERATIONS):
        self.quick = quick
        self.operations = [operation.name for operation in chosen]
        self.rounds = 1 if quick else 5
        # Of what is measured for how it grows alone.
        self.growth_rounds = 1 if quick else 3
        self.seconds = 1
        self.sizes = (1_000, 10_000) if quick else (1_000, 100_000, 1_000_000)
        self.connections = (1, 16)
        self.bulk = 1_000 if quick else 10_000
        self.tokens = 5_000 if quick else 20_000
        # Seconds of a round of which the rarest answers count.
        self.tail_seconds = 2 if quick else 4
        self.away = 3 if quick else 20
        self.starts = 3 if quick else 10
        self.instances = 5 if quick else 25
        self.sign_ins = 16 if quick else 64

    def connections_at(self, size: int, growth_only: bool = False) -> tuple[int, ...]:
        """Sizes between the smallest and the largest show the curve: one connection is enough."""
        if size in (self.sizes[0], self.sizes[-1]):
            return self.connections[:1] if growth_only else self.connections
        return () if growth_only else self.connections[:1]


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def work(plan: Plan) -> dict:
    """Every operation at every size: rounds alternate between the sizes. What is refused is told, and left out."""
    directories = {size: Directory(size) for size in plan.sizes}
    seen: dict = {"operations": {}, "refused": {}}
    with ExitStack() as stack:
        accords = {size: stack.enter_context(directory.accord()) for size, directory in directories.items()}
        callers = {size: operations.sign_in(accords[size], directories[size]) for size in plan.sizes}
        for operation in OPERATIONS:
            if operation.name not in plan.operations:
                continue
            say(operation.name)
            sizes = [size for size in plan.sizes if plan.connections_at(size, operation.growth_only)]
            rows = seen["operations"][operation.name] = {}
            try:
                loads = {
                    size: Load(operation.name, accords[size], operation.requests(directories[size], callers[size]))
                    for size in sizes
                }
                _rounds(plan, operation, loads, directories, rows)
            except Refused as refused:
                say(str(refused))
                seen["refused"][operation.name] = str(refused)
        seen["resident"] = {str(size): accord.resident() for size, accord in accords.items()}
    return seen


def _rounds(plan: Plan, operation: Operation, loads: dict[int, Load], directories: dict, rows: dict) -> None:
    """The rounds of one operation, kept in `rows`."""
    for one in loads.values():
        if not one.slow:
            one.warm_up(plan.rounds)
    for connections in plan.connections:
        for _ in range(plan.growth_rounds if operation.growth_only else plan.rounds):
            for size, one in loads.items():
                wanted = plan.connections_at(size, operation.growth_only)
                if connections not in wanted or (one.slow and connections > 1):
                    continue
                # Copying the largest directory would take longer than the round, and what a round adds to it is
                # little of it.
                if operation.grows and size != plan.sizes[-1]:
                    restart(one, directories[size])
                saw = one.round(connections, plan.seconds)
                _keep(rows.setdefault(str(size), {}), connections, saw, f"{operation.name} at {size:,} accounts")


def restart(one: Load, directory: Directory) -> None:
    """Starts a load's server anew, with the directory as it was before the first round."""
    one.server.stop()
    directory.reset()
    one.server.start()
    one.check()


def _keep(rounds: dict, connections: int, saw: Round | None, what: str) -> None:
    """Adds what a round saw to those of as many connections. A round in which nothing was answered saw nothing."""
    if saw is None:
        say(f"no answer in a round: {what}, {connections} connections")
    else:
        rounds.setdefault(str(connections), []).append(vars(saw))


def bulk(plan: Plan) -> dict:
    """A portal PATCH of many accounts, next to the same rows inserted into the same store without a server."""
    seen: dict = {}
    for size in plan.sizes:
        say(f"portal PATCH of {plan.bulk:,} at {size:,} accounts")
        directory = Directory(size)
        rows = seen[str(size)] = {"new": [], "again": [], "raw": []}
        for number in range(plan.rounds):
            if size != plan.sizes[-1]:
                directory.reset()
            with directory.accord() as accord:
                callers = operations.sign_in(accord, directory)
                # An instance that has not served yet is measured elsewhere.
                patch(accord, callers.connector, json.dumps(operations.new_accounts(1, f"first-{number}")))
                body = json.dumps(operations.new_accounts(plan.bulk, f"bulk-{number}"))
                sent = {"new": patch(accord, callers.connector, body), "again": patch(accord, callers.connector, body)}
                accord.settle()
                done = subprocess.run(
                    [TARGET / "release/accord-twin", "insert", "--store", accord.store, "--rows", str(plan.bulk),
                     "--prefix", f"raw-{number}"],
                    capture_output=True, text=True, check=True)
                sent["raw"] = float(done.stdout)
                for name, took in sent.items():
                    rows[name].append(took)
    return seen


def patch(accord: Accord, token: str, body: str) -> float:
    """Milliseconds that a PATCH of accounts takes."""
    connection = accord.connect()
    connection.connect()
    started = time.perf_counter()
    connection.request("PATCH", operations.ACCOUNTS, body, bearer(token) | JSON)
    answer = connection.getresponse()
    said = answer.read()
    took = (time.perf_counter() - started) * 1000
    connection.close()
    if answer.status != 200:
        raise SystemExit(f"a PATCH of accounts: {answer.status} {said[:500].decode()}")
    return took


def peers(plan: Plan) -> dict:
    """Accord next to the runtime's floor, the native twin and others that do the same: rounds alternate."""
    directory = Directory(plan.sizes[0])
    seen: dict = {"rounds": {}, "rows": {}, "refused": {}}
    say("starting the peers")
    with ExitStack() as stack:
        accord = stack.enter_context(directory.accord())
        callers = operations.sign_in(accord, directory)
        # The token's expiry is written; copies are made of the store as it is kept.
        twin = stack.enter_context(servers.twin(directory.store))
        fastapi = stack.enter_context(servers.fastapi(directory.store))
        empty = stack.enter_context(servers.empty())
        auth = stack.enter_context(servers.BetterAuth(plan.sizes[0]))
        running = [accord, twin, fastapi, empty, auth]
        spin = servers.empty_on_spin()
        if spin:
            running.append(stack.enter_context(spin))
        rauthy = _rauthy(plan, stack, seen["refused"])
        if rauthy:
            running.append(rauthy)

        def group(name: str, *loads: tuple[str, Server | None, object], connections=(16,)) -> None:
            """Measures what several do of one kind: what, by whom, and what makes the requests. A peer may be away or refuse."""
            made = []
            for what, server, requests in loads:
                if server is None:
                    continue
                try:
                    made.append(Load(what, server, requests()))
                except Refused as refused:
                    say(str(refused))
                    seen["refused"][f"{server.name}: {what}"] = str(refused)
            if made and made[0].server is accord:
                seen["rounds"][name] = _alternate(plan, made, connections, seen["refused"])

        def beside_the_twin(name: str, what: str, requests: list[str], *others, written: bool = True) -> None:
            """As `group`, of the same requests for both. First it is seen that the twin writes as many rows."""
            if written:
                try:
                    seen["rows"][name] = [_written(what, server, store, requests) for server, store in (
                        (accord, accord.store), (twin, servers.copy_path("twin")))]
                except Refused as refused:
                    seen["refused"][f"rows of {what}"] = str(refused)
            group(name, (what, accord, lambda: requests), (what, twin, lambda: requests), *others)

        get = operations.get(directory, callers)
        other = operations.another_token_each(directory, callers, plan.tokens)
        nothing = lambda: [request("GET", "/empty")]  # noqa: E731
        group(
            "read",
            ("GET by id", accord, lambda: get),
            ("GET by id, every request with another token", accord, lambda: other),
            ("nothing", empty, nothing),
            ("nothing", spin, nothing),
            ("GET by id", twin, lambda: get),
            ("GET by id, every request with another token", twin, lambda: other),
            ("GET by id", fastapi, lambda: get),
            ("get-organization", auth, lambda: _organizations(auth)),
            ("GET of a user by id", rauthy, lambda: rauthy.reads()),
            connections=plan.connections,
        )

        change = [one.replace("PUT ", "PATCH ", 1) for one in operations.put(directory, callers)]
        beside_the_twin("change an account", "PUT", operations.put(directory, callers), ("PATCH", fastapi, lambda: change))
        again, new = operations.portal_again(1)(directory, callers), operations.portal_new(1)(directory, callers)
        beside_the_twin("portal PATCH of 1, again", "PATCH again", again)
        beside_the_twin("portal PATCH of 1, new", "PATCH new", new)
        beside_the_twin("endpoint PATCH, update", "PATCH, update", operations.endpoint_update(directory, callers))
        beside_the_twin("endpoint PATCH, insert", "PATCH, insert", operations.endpoint_insert(directory, callers))
        beside_the_twin(
            "token by client credentials", "token", operations.token_issue(directory, callers),
            ("token", rauthy, lambda: rauthy.tokens()), written=False)
        group("create a user", ("portal PATCH of 1 user, new", accord, lambda: operations.portal_new_user(directory, callers)),
              ("POST of a user", rauthy, lambda: rauthy.creations()))

        headers = bearer(callers.operator) | JSON
        create = [request("POST", "/api/accounts", headers, json.dumps({"name": f"Created {load.UNIQUE}"}))]
        group("create an organization", ("POST", accord, lambda: create), ("organization/create", auth, lambda: _creations(auth)))
        # Members that nobody is yet: each pair once, for as many rounds as there are.
        add = [
            request("POST", f"/api/accounts/{number + 1}/users/{user + 1}", headers, json.dumps({"roles": ["user"]}))
            for user in range(1, 1 + 60) for number in range(101, directory.count + 1)
        ]
        group("add a member", ("POST users", accord, lambda: add), ("addMember", auth, lambda: _members(auth)))
        reseller, _ = callers.resellers[0]
        # The account is named, for by now this user is a member of many.
        form = urllib.parse.urlencode({
            "grant_type": "password", "username": address(reseller), "password": PASSWORD, "account": reseller + 1})
        sign_in = json.dumps({"email": auth.filled["owners"][0]["email"], "password": auth.filled["password"]})
        group(
            "sign in",
            ("password grant", accord, lambda: [request("POST", "/oauth/token", operations.FORM, form)]),
            ("sign-in/email", auth,
             lambda: [request("POST", "/api/auth/sign-in/email", JSON | {"Origin": auth.url}, sign_in)]))
        seen["resident"] = {server.name: server.resident() for server in running}
    return seen


def _rauthy(plan: Plan, stack: ExitStack, refused: dict[str, str]) -> Rauthy | None:
    """rauthy, if it is here and starts."""
    if not Rauthy.is_here():
        return None
    try:
        return stack.enter_context(Rauthy(plan.sizes[0]))
    except SystemExit as failed:
        refused["rauthy"] = str(failed)
        say(str(failed))
        return None


def _written(what: str, server: Server, store: Path, requests: list[str]) -> dict[str, int]:
    """How many rows of which table two requests add."""

    def rows() -> dict[str, int]:
        connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
        tables = connection.execute(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'")
        counts = {table: connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] for (table,) in tables.fetchall()}
        connection.close()
        return counts

    # What a round before has left to be written is written by then.
    server.settle()
    before = rows()
    Load(f"rows of {what}", server, requests)
    return {table: count - before.get(table, 0) for table, count in rows().items() if count != before.get(table, 0)}


def _alternate(plan: Plan, loads: list[Load], connections: tuple[int, ...], refused: dict[str, str]) -> list[dict]:
    """A, B, C, A, B, C, … at each number of connections. Who refuses is not asked again."""
    rows = [{"server": one.server.name, "what": one.name, "rounds": {}} for one in loads]
    say(f"{', '.join(sorted({one.name for one in loads}))}: {', '.join(dict.fromkeys(one.server.name for one in loads))}")
    away: set[int] = set()

    def ask(at: int, run) -> None:
        one = loads[at]
        if at in away:
            return
        try:
            run(one)
        except Refused as said:
            say(str(said))
            refused[f"{one.server.name}: {one.name}"] = str(said)
            away.add(at)

    for at in range(len(loads)):
        ask(at, lambda one: one.warm_up(plan.rounds))
    for count in connections:
        for _ in range(plan.rounds):
            for at, row in enumerate(rows):

                def run(one: Load, row: dict = row) -> None:
                    one.server.settle()
                    _keep(row["rounds"], count, one.run(count, plan.seconds), f"{one.name} of {one.server.name}")

                ask(at, run)
    return rows


def _organizations(auth: servers.BetterAuth) -> list[str]:
    return [
        request("GET", f"/api/auth/organization/get-organization?organizationId={organization}",
                {"Cookie": owner["cookie"]})
        for owner in auth.filled["owners"] for organization in owner["organizations"]
    ]


def _creations(auth: servers.BetterAuth) -> list[str]:
    body = json.dumps({"name": f"Created {load.UNIQUE}", "slug": f"created-{load.UNIQUE}"})
    return [
        request("POST", "/api/auth/organization/create", JSON | {"Origin": auth.url, "Cookie": creator["cookie"]}, body)
        for creator in auth.filled["creators"]
    ]


def _members(auth: servers.BetterAuth) -> list[str]:
    return [
        request("POST", "/add-member", JSON | {"Cookie": owner["cookie"]},
                json.dumps({"organizationId": organization, "userId": user, "role": "member"}))
        for user in auth.filled["users"] for owner in auth.filled["owners"] for organization in owner["organizations"]
    ]


def cold(plan: Plan) -> dict:
    """Starts of the host, and the first request of an instance."""
    say("starts of the host")
    # A manifest elsewhere has a cache of compiled components of its own, which nobody else misses.
    home = WORK / "cold"
    manifest = home / "spin.toml"
    text = (ROOT / "spin.toml").read_text().replace('source = "target/', f'source = "{TARGET}/')
    machine.write(manifest, text)
    directory = Directory(plan.sizes[0])
    cache = home / "target/accord-cache"
    without = []
    for _ in range(1 if plan.quick else 2):
        for file in cache.glob("*.cwasm"):
            file.unlink()
        without.append(first_answer(Accord(directory.state, manifest=manifest)))
    with_cache = [first_answer(Accord(directory.state, manifest=manifest)) for _ in range(plan.starts)]

    say("first requests of instances")
    times = INSTANCE_REQUESTS
    with directory.accord() as accord:
        callers = operations.sign_in(accord, directory)
        connection = accord.connect()
        took = []
        for number in range(times * plan.instances):
            started = time.perf_counter()
            connection.request("GET", f"/api/accounts/{number % directory.count + 2}", None, bearer(callers.operator))
            answer = connection.getresponse()
            answer.read()
            took.append((time.perf_counter() - started) * 1000)
            assert answer.status == 200, answer.status
    # Sent one after another, each request of this number is the first of an instance.
    places = [took[place::times] for place in range(times)]
    say("by password and by token")
    with directory.accord() as accord:
        callers = operations.sign_in(accord, directory)
        kinds = {"basic": operations.administration_list, "bearer": operations.page_as_reseller}
        averages = {kind: [] for kind in kinds}
        for _ in range(plan.rounds):
            for kind, requests in kinds.items():
                one = requests(directory, callers)[0]
                averages[kind].append(load.sequence(accord, one, 200))
    return {
        **averages,
        "without_cache": without,
        "with_cache": with_cache,
        "first": places[0][1:],
        "warm": [statistics.median(place[1:]) for place in places[1:]],
    }


def first_answer(accord: Accord) -> float:
    """Starts the host, and returns the milliseconds until its first answer."""
    with accord:
        connection = accord.connect()
        connection.request("GET", "/.well-known/jwks.json")
        answer = connection.getresponse()
        answer.read()
        took = (time.perf_counter() - accord.started) * 1000
        assert answer.status == 200, answer.status
        return took


def memory(plan: Plan) -> dict:
    """Resident memory of the host under reads of 64 connections, and while as many people sign in."""
    directory = Directory(plan.sizes[0])
    seen: dict = {}
    with directory.accord() as accord:
        seen["started"] = accord.resident()
        callers = operations.sign_in(accord, directory)
        say("memory under reads")
        reads = Load("GET by id", accord, operations.get(directory, callers))
        seen["reads"] = peak(accord, lambda: reads.run(64, 2 if plan.quick else 10))
        seen["after_reads"] = accord.resident()
    with directory.accord() as accord:
        say("memory under sign-ins")
        seen["sign_ins"] = [peak(accord, lambda: _sign_ins(accord, plan.sign_ins)) for _ in range(4)]
    return seen


# The operations that are tried at a distance, each of which stands for its kind.
AWAY = [
    "token (client_credentials)", "GET by id, operator", "list 50, operator", "portal PATCH of 1, again", "portal PATCH of 1, new",
    "endpoint PATCH, update", "endpoint PATCH, insert",
]

# How far away the database seems then, in milliseconds for each statement.
DISTANCE = 10


def distance(plan: Plan) -> dict:
    """Operations one at a time with the database some way off, and how many accounts 16 writers make in a second."""
    directory = Directory(plan.sizes[0])
    seen: dict = {"operations": {}, "writers": []}
    with Accord(directory.state, more=("--distance", str(DISTANCE))) as accord:
        callers = operations.sign_in(accord, directory)
        for operation in OPERATIONS:
            if operation.name not in AWAY:
                continue
            say(f"{operation.name}, {DISTANCE} ms away")
            one = Load(operation.name, accord, operation.requests(directory, callers))
            seen["operations"][operation.name] = [one.run_alone(plan.away).p50 for _ in range(plan.growth_rounds)]
            if operation.name == "portal PATCH of 1, new":
                rounds = [one.run(16, 2 if plan.quick else 5) for _ in range(plan.growth_rounds)]
                seen["writers"] = [round.rate for round in rounds if round]
    return seen


# Of all requests of the mixed load so many in a hundred write.
WRITES = 10


def mixed(plan: Plan) -> dict:
    """Reads of 16 connections alone, and beside writes that are one of ten requests: rounds alternate."""
    directory = Directory(plan.sizes[0])
    seen: dict = {"alone": [], "beside": [], "share": []}
    with directory.accord() as accord:
        callers = operations.sign_in(accord, directory)
        reads = Load("GET by id", accord, operations.get(directory, callers))
        writes = Load("portal PATCH of 1, new", accord, operations.portal_new(1)(directory, callers))
        say("reads alone, and beside writes")
        reads.warm_up(plan.rounds)
        # Each of the writers waits between two of its requests: as long as makes its share what it should be.
        writers, pause = 16, 50.0
        for number in range(-3, plan.rounds):
            accord.settle()
            alone = reads.run(16, plan.tail_seconds) if number >= 0 else None
            accord.settle()
            beside, written = _both(reads, writes, writers, pause, plan.tail_seconds if number >= 0 else 1)
            if beside is None or written is None:
                say("no answer in a round of the mixed load")
                continue
            wanted = beside.rate * WRITES / (100 - WRITES)
            if alone:
                seen["alone"].append(vars(alone))
                seen["beside"].append(vars(beside))
                seen["share"].append(written.rate / (written.rate + beside.rate))
            pause = max(writers / wanted * 1000 - written.p50, 0)
    return seen


def _both(reads: Load, writes: Load, writers: int, pause: float, seconds: int) -> tuple[Round | None, Round | None]:
    """A round of reads and one of writes at a time."""
    saw: list[Round | None] = []
    failed: list[Refused] = []

    def write() -> None:
        try:
            saw.append(writes.run(writers, seconds, pause))
        except Refused as refused:
            failed.append(refused)

    thread = threading.Thread(target=write)
    thread.start()
    read = reads.run(16, seconds)
    thread.join()
    if failed:
        raise failed[0]
    return read, saw[0]


# Takes away the index of the accounts' words, which `contains` and `$search` start from.
WITHOUT_WORDS = """
DROP TRIGGER account_words_inserted;
DROP TRIGGER account_words_deleted;
DROP TRIGGER account_words_updated;
DROP TABLE account_words;
"""


def trigrams(plan: Plan) -> dict:
    """A portal PATCH of many new accounts as it is, and without the index of their words: rounds alternate."""
    seen: dict = {}
    for size in plan.sizes[:2]:
        directory = Directory(size)
        rows = seen[str(size)] = {"without": [], "with": []}
        for number in range(plan.rounds):
            for kind in rows:
                say(f"portal PATCH of {plan.bulk:,} at {size:,} accounts, {kind} trigrams")
                directory.reset()
                if kind == "without":
                    store = sqlite3.connect(directory.state / "sqlite_db.db")
                    store.executescript(WITHOUT_WORDS)
                    store.close()
                with directory.accord() as accord:
                    callers = operations.sign_in(accord, directory)
                    patch(accord, callers.connector, json.dumps(operations.new_accounts(1, f"first-{number}")))
                    body = json.dumps(operations.new_accounts(plan.bulk, f"bulk-{number}"))
                    rows[kind].append(patch(accord, callers.connector, body))
    return seen


def peak(server: Server, run) -> float:
    """The most resident memory while something runs."""
    thread = threading.Thread(target=run)
    thread.start()
    peak = server.resident()
    while thread.is_alive():
        peak = max(peak, server.resident())
        time.sleep(0.01)
    thread.join()
    return peak


def _sign_ins(accord: Accord, count: int) -> None:
    """As many users at once, each with a wrong password."""

    def one(number: int) -> None:
        form = {"grant_type": "password", "username": address(number), "password": "wrong"}
        connection = accord.connect()
        connection.request("POST", "/oauth/token", urllib.parse.urlencode(form), operations.FORM)
        answer = connection.getresponse()
        answer.read()
        statuses.append(answer.status)

    statuses: list[int] = []
    threads = [threading.Thread(target=one, args=(number + 1,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if statuses != [400] * count:
        raise SystemExit(f"wrong passwords: {statuses}")


def sizes() -> dict:
    """Bytes of each component."""
    return {name: file.stat().st_size for name, file in servers.components().items()}


SECTIONS = {
    "work": work, "bulk": bulk, "peers": peers, "mixed": mixed, "cold": cold, "memory": memory, "distance": distance,
    "trigrams": trigrams,
}

# What a section needs beside Accord.
NEEDS = {"bulk": (build.twin,), "peers": (build.twin, build.empty, build.better_auth)}

# What only the embedded host has: a cache of compiled components that can be looked at, and a distance.
EMBEDDED = ("cold", "distance")
