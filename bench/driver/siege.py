"""The command line of `bench/siege`: a bystander sends 20 requests a second, at their times whatever becomes of those before
(an open loop), first in quiet and then beside each attack. What it notices is the report."""

import argparse
import json
import multiprocessing
import os
import shutil
import signal
import threading
import time
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

from driver import build, machine, servers
from driver.attacks import ATTACKS, ENDING, FORM, JSON, Target, bearer, bulk_loads, endless_loads
from driver.directory import Directory, token
from driver.machine import ROOT, WORK
from driver.servers import ADMIN, CLIENT_ID, CLIENT_SECRET, PASSWORD

RATE = 20
BULK = (bulk_loads.__doc__, endless_loads.__doc__)
KINDS = ("read", "write", "sign-in")
# How long the bystander waits for an answer, in seconds.
PATIENCE = 30
# How long it keeps a connection that it does not use: the server closes it after ten seconds.
KEPT = 5


class Bystander:
    """Reads, writes and signs in, in turn."""

    def __init__(self, target: Target):
        self._target = target
        self._kept: list = []
        # Kind, seconds from when the request was due to its answer, and its status or what went wrong.
        self.seen: list[tuple[str, float, object]] = []

    def _request(self, kind: str, number: int):
        if kind == "read":
            return "GET", "/api/accounts/2", None, bearer(self._target.token)
        if kind == "write":
            body = json.dumps({"bystander": {"name": f"Bystander {number}", "id": "bystander"}})
            return "PATCH", "/api/integrations/v1/accounts", body, bearer(self._target.token) | JSON
        form = {"grant_type": "password", "username": ADMIN, "password": PASSWORD}
        return "POST", "/oauth/token", urllib.parse.urlencode(form), FORM

    def _send(self, number: int, due: float) -> None:
        kind = KINDS[number % len(KINDS)]
        connection, used = self._kept.pop() if self._kept else (None, 0.0)
        if time.monotonic() - used > KEPT:
            connection = self._target.connect(60_000)
        try:
            connection.timeout = PATIENCE
            connection.request(*self._request(kind, number))
            response = connection.getresponse()
            response.read()
            outcome: object = response.status
            self._kept.append((connection, time.monotonic()))
        except Exception as error:  # noqa: BLE001: whatever it is, the bystander was not served.
            outcome = type(error).__name__
            connection.close()
        self.seen.append((kind, time.monotonic() - due, outcome))

    def watch(self, seconds: float, goes_on=lambda: True) -> list[tuple[str, float, object]]:
        """What is seen in so many seconds, or as long as it goes on."""
        self.seen = []
        began = time.monotonic()
        threads = []
        for number in range(int(seconds * RATE)):
            due = began + number / RATE
            time.sleep(max(0.0, due - time.monotonic()))
            if not goes_on():
                break
            threads.append(threading.Thread(target=self._send, args=(number, due)))
            threads[-1].start()
        for thread in threads:
            thread.join()
        return self.seen


def summary(seen: list[tuple[str, float, object]]) -> dict[str, dict]:
    """Of each kind: how many, p50 and p99 in milliseconds, and what went wrong."""
    kinds = {}
    for kind in KINDS:
        times = sorted(time for of, time, _ in seen if of == kind)
        wrong = [str(outcome) for of, _, outcome in seen if of == kind and outcome != 200]
        at = lambda part: times[min(int(len(times) * part), len(times) - 1)] * 1000 if times else 0.0  # noqa: B023, E731
        kinds[kind] = {"count": len(times), "p50": at(0.5), "p99": at(0.99), "errors": len(wrong), "what": sorted(set(wrong))}
    return kinds


@dataclass
class Watched:
    """What the bystander saw, by kind, and how many answers of each status the attacker got meanwhile."""

    kinds: dict[str, dict]
    answers: dict[int, int]

    def slow(self, name: str, quiet: "Watched") -> list[str]:
        """What was slower than wanted."""
        allowed = {
            kind: 1000 if kind == "sign-in" or name in BULK else 5 * quiet.kinds[kind]["p99"] for kind in KINDS}
        slow = [f"{kind} {of['p99']:.0f} ms" for kind, of in self.kinds.items() if of["p99"] > allowed[kind]]
        return slow + [f"no {kind} was sent" for kind, of in self.kinds.items() if not of["count"]]

    def errors(self) -> str:
        """What went wrong, and how often."""
        wrong, sent = (sum(of[what] for of in self.kinds.values()) for what in ("errors", "count"))
        what = sorted({each for of in self.kinds.values() for each in of["what"]})
        return f"{wrong} of {sent}: {', '.join(what)}" if wrong else ""

    def answered(self) -> str:
        """What the attacker was answered."""
        closed = {0: "closed"}
        return ", ".join(f"{count:,} × {closed.get(status, status)}" for status, count in self.answers.items())


def attack(run, target: Target) -> None:
    os.nice(10)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    run(target)


def besiege(root: Path, accounts: int, seconds: float, chosen) -> dict[str, Watched]:
    """Runs each attack against the Accord of the tree `root`, each on a directory made anew."""
    results = {}
    for run in (None, *chosen):
        with Directory(accounts, WORK / "siege", root).accord() as accord:
            client = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
            target = Target(accord.port, token(accord.connect(), grant_type="client_credentials", **client))
            bystander = Bystander(target)
            bystander.watch(2)
            besieger = multiprocessing.Process(target=attack, args=(run, target), daemon=True) if run else None
            if besieger:
                besieger.start()
                time.sleep(0 if run in ENDING else 3)
            name = run.__doc__ if run else "quiet"
            before = target.answers.read()
            kinds = summary(bystander.watch(seconds, besieger.is_alive if besieger else lambda: True))
            answers = {status: count - before.get(status, 0) for status, count in target.answers.read().items()}
            watched = Watched(kinds, {status: count for status, count in answers.items() if count})
            results[name] = watched
            if besieger:
                besieger.kill()
                besieger.join()
            print(name, *(f"{kind} {of['p50']:.0f}/{of['p99']:.0f} ms {of['errors']} errors" for kind, of in kinds.items()),
                  f"attacker: {watched.answered()}", sep="; ", flush=True)
    shutil.rmtree(WORK / "siege", ignore_errors=True)
    return results


def table(results: dict[str, Watched]) -> str:
    """A table of what the bystander saw."""
    lines = ["| attack | " + " | ".join(f"{kind} p50 | p99" for kind in KINDS) + " | requests | errors | answers to the attacker |",
             "|---|" + "--:|" * 7 + "---|---|"]
    for name, watched in results.items():
        times = " | ".join(f"{of['p50']:.1f} | {of['p99']:.0f}" for of in watched.kinds.values())
        sent = sum(of["count"] for of in watched.kinds.values())
        lines.append(f"| {name} | {times} | {sent} | {watched.errors() or 'none'} | {watched.answered()} |")
    return "\n".join(lines)


def report(runs: dict[str, dict[str, Watched]], accounts: int, seconds: float) -> str:
    """The whole report."""
    results = next(iter(runs.values()))
    missed = {
        name: "; ".join(watched.slow(name, results["quiet"]) + [watched.errors()] * bool(watched.errors()))
        for name, watched in results.items() if name != "quiet"}
    missed = [f"{name}: {what}" for name, what in missed.items() if what]
    parts = [
        "# Under siege\n",
        f"Made by `bench/siege` on {time.strftime('%Y-%m-%d')}. A directory of {accounts:,} accounts; a bystander sends {RATE} "
        f"requests a second for {seconds:.0f} seconds, or from the first to the last of an attack that ends, in an open loop: a third each are a read (`GET` of an account), a single "
        "write (portal `PATCH`) and a sign-in with a password. Milliseconds from when a request was due to the end of its "
        "answer. Attackers run on the same processors at a lower priority (nice 10); what they were answered meanwhile says that "
        "they attacked (of connections: how many were closed on them).\n",
        "Wanted: reads and writes below 5 × their quiet p99; sign-ins, and everything beside bulk loads, below a second; no error. "
        + ("Not kept by this revision:\n\n" + "\n".join(f"- {each}" for each in missed) if missed else "All of it is kept.")
        + "\n",
    ]
    for name, results in runs.items():
        parts += [f"## {name}\n", table(results) + "\n"]
    parts += ["## The machine\n", "\n".join(f"- {name}: {value}" for name, value in machine.description()[:4]) + "\n"]
    return "\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench/siege", description="Attacks Accord, and measures what others notice.")
    parser.add_argument("--quick", action="store_true", help="a few seconds each on a small directory; prints, and writes no report")
    parser.add_argument("--only", action="append", metavar="NAME", choices=[run.__name__ for run in ATTACKS],
                        help="one attack; may be given several times; prints, and writes no report")
    parser.add_argument("--before", metavar="DIRECTORY", type=Path, help="another checkout, to be measured after this one")
    parser.add_argument("--program", metavar="FILE", type=Path, help="a host that is built already; then nothing is built, of the other checkout neither")
    arguments = parser.parse_args()
    accounts, seconds = (1000, 6) if arguments.quick else (10_000, 30)
    chosen = [run for run in ATTACKS if not arguments.only or run.__name__ in arguments.only]
    WORK.mkdir(parents=True, exist_ok=True)
    runs = {}
    for root in (ROOT, arguments.before):
        if root is None:
            continue
        name = "This revision" if root is ROOT else f"Before: version {machine.version(root)}"
        servers.PROGRAM = arguments.program and (arguments.program if root is ROOT else root / "target/release/accord")
        build.accord(root)
        runs[name] = besiege(root, accounts, seconds, chosen)
    text = report(runs, accounts, seconds)
    if arguments.quick or arguments.only:
        print(text)
    else:
        (ROOT / "bench/SIEGE.md").write_text(text)


if __name__ == "__main__":
    main()
