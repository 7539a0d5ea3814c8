"""What is to be reached, as it was written down before: thresholds are not edited. A target that was not measured is left out."""

import re
from dataclasses import dataclass
from statistics import median

from driver import figures, text
from driver.machine import ROOT

# The test that counts statements, and what it keeps of them.
COUNTED = "tests/tests/store/statements.rs"
SNAPSHOT = ROOT / "tests/tests/store/snapshots/statements.snap"


@dataclass
class Target:
    """What it is of, what it was in version 0.1 and is to be, both as text, what it is now, and whether that is reached."""

    what: str
    was: str
    wanted: str
    shown: str
    # Nobody knows whether it is reached by what is not here.
    is_reached: bool | None
    # How many times the goal the worst value is, so that 1 and more is reached, for the plot.
    share: float | None = None


def _at_least(what: str, was: str, wanted: str, goals: list[tuple[list[float], float]]) -> Target | None:
    """One of ratios, each with what it is to be at least."""
    if not all(ratios for ratios, _ in goals):
        return None
    share = min(median(ratios) / goal for ratios, goal in goals)
    return Target(what, was, wanted, " / ".join(text.times(ratios) for ratios, _ in goals), share >= 1, share)


def _at_most(what: str, was: str, wanted: str, value: float, goal: float, shown: str) -> Target:
    return Target(what, was, wanted, shown, value <= goal, goal / value)


def of(results: dict) -> list[Target]:
    """Those of time, memory and size."""
    twin = lambda kind, what=None: figures.faster(results, kind, "native twin", what)  # noqa: E731
    get, other = "GET by id", "GET by id, every request with another token"
    found = [
        _at_least("portal PATCH of 1, again, over the twin, 16 connections", "0.22", "0.7",
                  [(twin("portal PATCH of 1, again"), 0.7)]),
        _at_least("portal PATCH of 1, new", "0.34", "0.65", [(twin("portal PATCH of 1, new"), 0.65)]),
        _at_least("PUT of an account", text.NOTHING, "0.55", [(twin("change an account"), 0.55)]),
        _at_least("endpoint PATCH update / insert, over a twin", text.NOTHING, "0.5",
                  [(twin("endpoint PATCH, update"), 0.5), (twin("endpoint PATCH, insert"), 0.5)]),
        _at_least("token by client credentials, over an axum twin that signs and writes the same", text.NOTHING, "0.5",
                  [(twin("token by client credentials"), 0.5)]),
        _at_least("GET by id over the twin, 16 connections / with another token each time", "0.52–0.65 / 0.15", "0.8 / 0.3",
                  [(twin("read", get), 0.8), (twin("read", other), 0.3)]),
        _rauthy(results),
        _at_least("add a member, over better-auth", "2.0", "5", [(figures.faster(results, "add a member", "better-auth"), 5)]),
        _at_least("create an organisation, over better-auth", "4.3", "10",
                  [(figures.faster(results, "create an organization", "better-auth"), 10)]),
        _at_least(f"portal PATCH of {results['plan']['bulk']:,} new over raw SQLite, at each size", "0.6–0.84", "0.85",
                  [(ratios, 0.85) for ratios in figures.bulk(results).values()]) if "bulk" in results else None,
    ]
    if tails := figures.tails(results):
        share = text.median([share * 100 for share in results["mixed"]["share"]])
        found.append(_at_most("reads beside 10 % writes: p99 over reads alone", text.NOTHING, "2", median(tails), 2,
                              f"{text.times(tails)} with {share} % writes"))
    if growths := figures.growths(results):
        small, large = (results["plan"]["sizes"][at] for at in (0, -1))
        found.append(_at_most(f"p50 at {large:,} over {small:,}, every operation and list", "1.55 worst", "1.25",
                              max(growths.values()), 1.25, figures.worst(growths, 1.25)))
    if resident := figures.resident(results):
        most = max(resident, key=resident.get)
        found.append(_at_most("resident after everything", "189–307 MB", "150 MB", resident[most], 150,
                              f"{text.number(resident[most])} MB ({most})"))
    name, size = max(results["sizes"].items(), key=lambda pair: pair[1])
    found.append(_at_most("largest component", "1.43 MB", "1.5 MB, with all that was added since", size / 1e6, 1.5,
                          f"{size / 1e6:.2f} MB ({name})"))
    return [target for target in found if target]


def _rauthy(results: dict) -> Target | None:
    what = "over rauthy 0.36, 16 connections: read one by id / token / create a user"
    was, wanted = "0.39 / 1.04 / 0.59", "0.8 / 1.5 / 1, each write durable"
    if "peers" not in results:
        return None
    if not results.get("rauthy"):
        return Target(what, was, wanted, "not here: there is no program of this name on the PATH", None)
    kinds = [("read", "GET of a user by id", "GET by id", 0.8), ("token by client credentials", "token", "token", 1.5),
             ("create a user", "POST of a user", "portal PATCH of 1 user, new", 1)]
    seen = [(figures.faster(results, kind, "rauthy", what, by), goal) for kind, what, by, goal in kinds]
    shown = " / ".join(text.times(ratios) for ratios, _ in seen)
    if not all(ratios for ratios, _ in seen):
        return Target(what, was, wanted, shown, None)
    share = min(median(ratios) / goal for ratios, goal in seen)
    return Target(what, was, wanted, shown, share >= 1, share)


def counts(snapshot: str) -> dict[str, tuple[int, int]]:
    """Of each operation of the snapshot how many statements it runs, and how many of them under the write lock."""
    lines = re.findall(r"^(.+) \| (\d+) \| (\d+)$", snapshot, re.M)
    return {name: (int(all_), int(locked)) for name, all_, locked in lines}


def statements(results: dict) -> list[Target]:
    """Those of statements, and what follows from them at a distance."""
    portal = "PATCH /api/integrations/v1"
    # What it is of: the operations, each with how many statements it is to run, and under the lock if that is said.
    wanted = [
        ("token, GET, list", "3, 2, 3", "2, 1, 2", [
            ("POST /oauth/token, client_credentials", 2, None), ("GET /api/accounts/{id}", 1, None),
            ("GET /api/accounts", 2, None)]),
        ("PATCH again, of which under the lock", "5, 3", "2, 0", [(f"{portal}/accounts, again", 2, 0)]),
        ("PATCH new, endpoint insert, portal users new, of which under the lock", "10, 7, 10, nearly all", "5, 4, 5, at most 3", [
            (f"{portal}/accounts, new", 5, 3), ("PATCH /Endpoint/rest/api/v1/Account, insert", 4, 3),
            (f"{portal}/users, new", 5, 3)]),
    ]
    found = []
    counted = counts(SNAPSHOT.read_text()) if SNAPSHOT.exists() else {}
    for what, was, goal, operations in wanted:
        if any(name not in counted for name, _, _ in operations):
            continue
        shown, reached = [], True
        for name, most, most_locked in operations:
            all_, locked = counted[name]
            shown.append(f"{all_}" if most_locked is None else f"{all_} ({locked})")
            reached = reached and all_ <= most and (most_locked is None or locked <= most_locked)
        found.append(Target(what, was, goal, ", ".join(shown), reached))
    if writers := results.get("distance", {}).get("writers"):
        rate = median(writers)
        found.append(Target("new accounts a second by single PATCHes of 16 writers, 10 ms away", "11", "40", text.number(rate),
                            rate >= 40, rate / 40))
    return found
