"""The parts of the bench. Each returns what it saw as plain values, for the report and for `results.json`."""

import json
import statistics
import subprocess
import threading
import time
import urllib.parse
from contextlib import ExitStack

from driver import build, load, operations, servers
from driver.directory import Directory
from driver.load import Load, Round, bearer, request
from driver.machine import ROOT, TARGET, WORK
from driver.operations import JSON, OPERATIONS, Operation
from driver.servers import INSTANCE_REQUESTS, PASSWORD, Accord, Server


class Plan:
    """What, how long and how often."""

    def __init__(self, quick: bool, chosen: list[Operation] = OPERATIONS):
        self.quick = quick
        self.operations = [operation.name for operation in chosen]
        self.rounds = 1 if quick else 5
        self.seconds = 1
        self.sizes = (1_000, 10_000) if quick else (1_000, 100_000, 1_000_000)
        self.connections = (1, 16) if quick else (1, 16, 64)
        self.bulk = 1_000 if quick else 10_000
        self.tokens = 5_000 if quick else 20_000
        self.starts = 3 if quick else 10
        self.instances = 5 if quick else 25
        self.sign_ins = 16 if quick else 64

    def connections_at(self, size: int) -> tuple[int, ...]:
        """Sizes between the smallest and the largest show the curve: one connection is enough."""
        return self.connections if size in (self.sizes[0], self.sizes[-1]) else self.connections[:1]


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def work(plan: Plan) -> dict:
    """Every operation at every size: rounds alternate between the sizes."""
    directories = {size: Directory(size) for size in plan.sizes}
    seen: dict = {}
    with ExitStack() as stack:
        accords = {size: stack.enter_context(directory.accord()) for size, directory in directories.items()}
        callers = {size: operations.sign_in(accords[size], directories[size]) for size in plan.sizes}
        for operation in OPERATIONS:
            if operation.name not in plan.operations:
                continue
            say(operation.name)
            loads = {
                size: Load(operation.name, accords[size], operation.requests(directories[size], callers[size]))
                for size in plan.sizes
            }
            rows = seen[operation.name] = {}
            for size, one in loads.items():
                if not one.slow:
                    one.warm_up(plan.rounds)
            for connections in plan.connections:
                for _ in range(plan.rounds):
                    for size, one in loads.items():
                        if connections not in plan.connections_at(size) or (one.slow and connections > 1):
                            continue
                        # Copying the largest directory would take longer than the round, and what a round adds to it is
                        # little of it.
                        if operation.grows and size != plan.sizes[-1]:
                            restart(one, directories[size])
                        saw = one.round(connections, plan.seconds)
                        _keep(rows.setdefault(str(size), {}), connections, saw, f"{operation.name} at {size:,} accounts")
        resident = {str(size): accord.resident() for size, accord in accords.items()}
    return {"operations": seen, "resident": resident}


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
    seen: dict = {}
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

        get = operations.get(directory, callers)
        other = operations.another_token_each(directory, callers, plan.tokens)
        reads = [
            Load("GET by id", accord, get),
            Load("GET by id, every request with another token", accord, other),
            Load("nothing", empty, [request("GET", "/empty")]),
            *([Load("nothing", spin, [request("GET", "/empty")])] if spin else []),
            Load("GET by id", twin, get),
            Load("GET by id, every request with another token", twin, other),
            Load("GET by id", fastapi, get),
            Load("get-organization", auth, _organizations(auth)),
        ]
        seen["read"] = _alternate(plan, reads)

        change = [
            request(method, f"/api/accounts/{number + 1}", bearer(callers.operator) | JSON,
                    json.dumps({"description": load.UNIQUE}))
            for method in ("PUT", "PATCH") for number in directory.owned_by_operator()
        ]
        half = len(change) // 2
        seen["change an account"] = _alternate(
            plan, [Load("PUT", accord, change[:half]), Load("PATCH", fastapi, change[half:])])
        again, new = operations.portal_again(1)(directory, callers), operations.portal_new(1)(directory, callers)
        seen["portal PATCH of 1, again"] = _alternate(
            plan, [Load("PATCH again", accord, again), Load("PATCH again", twin, again)])
        seen["portal PATCH of 1, new"] = _alternate(
            plan, [Load("PATCH new", accord, new), Load("PATCH new", twin, new)])

        headers = bearer(callers.operator) | JSON
        create = [request("POST", "/api/accounts", headers, json.dumps({"name": f"Created {load.UNIQUE}"}))]
        seen["create an organization"] = _alternate(
            plan, [Load("POST", accord, create), Load("organization/create", auth, _creations(auth))])
        # Members that nobody is yet: each pair once, for as many rounds as there are.
        add = [
            request("POST", f"/api/accounts/{number + 1}/users/{user + 1}", headers, json.dumps({"roles": ["user"]}))
            for user in range(1, 1 + 60) for number in range(101, directory.count + 1)
        ]
        seen["add a member"] = _alternate(plan, [Load("POST users", accord, add), Load("addMember", auth, _members(auth))])
        reseller, _ = callers.resellers[0]
        # The account is named, for by now this user is a member of many.
        form = urllib.parse.urlencode({
            "grant_type": "password", "username": f"user-{reseller}", "password": PASSWORD, "account": reseller + 1})
        sign_in = json.dumps({"email": auth.filled["owners"][0]["email"], "password": auth.filled["password"]})
        seen["sign in"] = _alternate(plan, [
            Load("password grant", accord, [request("POST", "/oauth/token", operations.FORM, form)]),
            Load("sign-in/email", auth,
                 [request("POST", "/api/auth/sign-in/email", JSON | {"Origin": auth.url}, sign_in)]),
        ])
        resident = {server.name: server.resident() for server in running}
    return {"rounds": seen, "resident": resident}


def _alternate(plan: Plan, loads: list[Load]) -> list[dict]:
    """A, B, C, A, B, C, … at each number of connections."""
    rows = [{"server": one.server.name, "what": one.name, "rounds": {}} for one in loads]
    say(f"{', '.join(sorted({one.name for one in loads}))}: {', '.join(dict.fromkeys(one.server.name for one in loads))}")
    for one in loads:
        one.warm_up(plan.rounds)
    for connections in plan.connections:
        for _ in range(plan.rounds):
            for one, row in zip(loads, rows, strict=True):
                one.server.settle()
                saw = one.run(connections, plan.seconds)
                _keep(row["rounds"], connections, saw, f"{one.name} of {one.server.name}")
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
    load.write(manifest, text)
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
    seen: dict = {"operations": {}}
    with Accord(directory.state, more=("--distance", str(DISTANCE))) as accord:
        callers = operations.sign_in(accord, directory)
        for operation in OPERATIONS:
            if operation.name not in AWAY:
                continue
            say(f"{operation.name}, {DISTANCE} ms away")
            one = Load(operation.name, accord, operation.requests(directory, callers))
            seen["operations"][operation.name] = [one.run_alone(10 if plan.quick else 50).p50 for _ in range(plan.rounds)]
            if operation.name == "portal PATCH of 1, new":
                rounds = [one.run(16, 2 if plan.quick else 5) for _ in range(plan.rounds)]
                seen["writers"] = [round.rate for round in rounds if round]
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
        form = {"grant_type": "password", "username": f"user-{number}", "password": "wrong"}
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


SECTIONS = {"work": work, "bulk": bulk, "peers": peers, "cold": cold, "memory": memory, "distance": distance}

# What a section needs beside Accord.
NEEDS = {"bulk": (build.twin,), "peers": (build.twin, build.empty, build.better_auth)}
