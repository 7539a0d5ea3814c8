"""Two trees in turn: this one, and one of a revision from its history.

Both get the same load in pairs of short rounds. What disturbs the machine disturbs both rounds of a pair, so each pair has
a ratio of its own. The revision's tree has a driver of its own, and that one makes the revision's directory, whose tables
may be others than this tree's. The requests are this tree's.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import geometric_mean, median

from driver import build, operations, sections, servers, text
from driver.directory import Directory
from driver.load import Load, Refused, Round
from driver.machine import ROOT, WORK
from driver.operations import Operation
from driver.sections import say
from driver.servers import Accord

HOME = WORK / "compare"
TREE = HOME / "tree"


class Plan:
    """What, how long and how often."""

    def __init__(self, quick: bool, chosen: list[Operation], accounts: int | None = None):
        self.operations = chosen
        self.pairs = 5 if quick else 11
        self.seconds = 1
        self.connections = (16,) if quick else (1, 16)
        self.sizes = (accounts,) if accounts else (1_000,) if quick else (1_000, 100_000)
        self.bulk = 1_000 if quick else 10_000


@dataclass
class Side:
    """One of the two: its name, and its directory."""

    name: str
    directory: Directory

    def accord(self) -> Accord:
        return self.directory.accord(self.name)


@dataclass
class Row:
    """What was compared, and of each figure its pairs: this tree's value and the revision's."""

    labels: list[str]
    figures: list[list[tuple[float, float]]]

    def ratios(self) -> list[list[float]]:
        """Of each figure this tree's value over the revision's, pair by pair."""
        return [[here / there for here, there in pairs if there] for pairs in self.figures]

    def cells(self) -> list[str]:
        """The labels, the medians of the first figure (the revision's, this tree's), and the ratio of each figure."""
        medians = [text.median([pair[at] for pair in self.figures[0]]) for at in (1, 0)]
        return [*self.labels, *medians, *(_between(ratios) for ratios in self.ratios())]


def _between(ratios: list[float]) -> str:
    """The median of ratios, the least and the greatest, and a star where all of them are on one side of 1."""
    if not ratios:
        return text.NOTHING
    one_sided = len(ratios) > 1 and (min(ratios) > 1 or max(ratios) < 1)
    return f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f}) {'*' if one_sided else ' '}"


def table(revision: str, labels: list[str], figures: list[str], rows: list[Row], mean: bool = False) -> str:
    """Rows as a table for the terminal, if wanted with the geometric mean of each column of ratios."""
    head = [*labels, f"{figures[0]}, {revision}", "this tree", *(f"{figure}: ratio" for figure in figures)]
    cells = [row.cells() for row in rows]
    medians = [[median(ratios) for ratios in row.ratios()] for row in rows if all(row.ratios())]
    if mean and medians:
        means = [f"{geometric_mean(column):.3f}" for column in zip(*medians, strict=True)]
        cells.append(["geometric mean", *[""] * (len(labels) + 1), *means])
    return text.table(head, cells, len(labels), aligned=True)


def compare(revision: str, target: Path, plan: Plan, parts: list[str]) -> None:
    """Builds both trees, measures them in turn, and prints tables."""
    short = checkout(revision, target)
    build.install("wrk")
    build.accord()
    # A component that is newer than the tree may be of another one. To build it anew costs nothing if it is not.
    for file in (TREE / "target/wasm32-wasip2/component").glob("*.wasm"):
        file.unlink()
    build.accord(TREE)
    shutil.rmtree(WORK / "requests", ignore_errors=True)
    said = [f"""This tree over {revision} ({short}). A ratio is the median of {plan.pairs} pairs of rounds, in brackets the least and the
greatest of them; * where all pairs are on one side of 1. More requests/s are better, and less of everything else."""]
    for size in plan.sizes:
        sides = [
            Side("this tree", Directory(size, HOME / "state/here")),
            Side(short, Directory(size, HOME / "state/there", TREE)),
        ]
        for part in parts:
            # What does not grow with the directory is measured at the smallest.
            if part == "work" or size == plan.sizes[0]:
                said.append(f"{part}, {size:,} accounts\n\n{PARTS[part](sides, plan)}")
    shutil.rmtree(HOME / "state", ignore_errors=True)
    said.append(sizes(short, servers.components(), servers.components(TREE)))
    print("", *said, sep="\n\n")


def checkout(revision: str, target: Path, root: Path = ROOT, tree: Path = TREE) -> str:
    """Makes `tree` a git worktree of a revision that builds into `target`, and returns the commit's short name."""

    # A hook of git's calls with variables that name another tree than the one that is worked in here.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}

    def git(*arguments: str | Path) -> str:
        done = subprocess.run(
            ["git", "-C", *arguments], env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(done.stderr.strip() or f"there is no revision {revision}")
        return done.stdout.strip()

    if target.resolve() == (root / "target").resolve():
        raise SystemExit(f"{target} has what this tree is built into: the revision needs another directory")
    commit = git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if (tree / ".git").is_file():
        git(tree, "checkout", "--quiet", "--force", "--detach", commit)
    else:
        # In a directory without a tree of its own, git would change the tree around it.
        shutil.rmtree(tree, ignore_errors=True)
        git(root, "worktree", "add", "--quiet", "--force", "--detach", tree, commit)
    target.mkdir(parents=True, exist_ok=True)
    link = tree / "target"
    link.unlink(missing_ok=True)
    link.symlink_to(target.resolve(), target_is_directory=True)
    return git(root, "rev-parse", "--short", commit)


def _pairs(sides: list[Side], count: int, measure: Callable) -> list[tuple]:
    """Measures both this many times. Which is first alternates; a pair of which one saw nothing is left out."""
    pairs = []
    for number in range(count):
        saw = {side.name: measure(side) for side in (sides if number % 2 == 0 else sides[::-1])}
        if None not in saw.values():
            pairs.append(tuple(saw[side.name] for side in sides))
    return pairs


def _work(sides: list[Side], plan: Plan) -> str:
    """Every chosen operation at each number of connections."""
    rows = []
    with ExitStack() as stack:
        accords = [stack.enter_context(side.accord()) for side in sides]
        callers = [operations.sign_in(accord, side.directory) for accord, side in zip(accords, sides, strict=True)]
        for operation in plan.operations:
            say(operation.name)
            try:
                loads = {
                    side.name: Load(operation.name, accord, operation.requests(side.directory, caller))
                    for side, accord, caller in zip(sides, accords, callers, strict=True)
                }
                rows += _operation(operation, sides, loads, plan)
            except Refused as refused:
                # A revision need not have every operation.
                say(str(refused))
                rows.append(Row([operation.name, text.NOTHING], [[], [], []]))
    return table(sides[1].name, ["operation", "connections"], ["requests/s", "p50", "CPU/request"], rows, mean=True)


def _operation(operation: Operation, sides: list[Side], loads: dict[str, Load], plan: Plan) -> Iterator[Row]:
    slow = any(load.slow for load in loads.values())
    if not slow:
        for load in loads.values():
            load.warm_up(plan.pairs)
    for connections in (1,) if slow else plan.connections:

        def one(side: Side) -> Round | None:
            if operation.grows:
                sections.restart(loads[side.name], side.directory)
            return loads[side.name].round(connections, plan.seconds)

        pairs = _pairs(sides, plan.pairs, one)
        figures = [[(getattr(here, key), getattr(there, key)) for here, there in pairs] for key in ("rate", "p50", "cpu")]
        yield Row([operation.name, str(connections)], figures)


def _bulk(sides: list[Side], plan: Plan) -> str:
    """A portal PATCH of many accounts."""

    def one(side: Side) -> tuple[float, float]:
        side.directory.reset()
        with side.accord() as accord:
            token = operations.sign_in(accord, side.directory).connector
            sections.patch(accord, token, json.dumps(operations.new_accounts(1, "first")))
            body = json.dumps(operations.new_accounts(plan.bulk, "bulk"))
            return sections.patch(accord, token, body), sections.patch(accord, token, body)

    return _plain(sides, plan, "ms", [f"portal PATCH of {plan.bulk:,} new", f"{plan.bulk:,} again"], one)


def _cold(sides: list[Side], plan: Plan) -> str:
    """Starts of the host, with compiled components."""
    for side in sides:
        sections.first_answer(side.accord())
    return _plain(sides, plan, "ms", ["host start to first answer"], lambda side: (sections.first_answer(side.accord()),))


def _memory(sides: list[Side], plan: Plan) -> str:
    """What the host has resident, started and under reads."""

    def one(side: Side) -> tuple[float, float]:
        with side.accord() as accord:
            started = accord.resident()
            callers = operations.sign_in(accord, side.directory)
            reads = Load("GET by id", accord, operations.get(side.directory, callers))
            return started, sections.peak(accord, lambda: reads.run(64, 2))

    return _plain(sides, plan, "MB", ["host started", "peak at 64 connections of reads"], one)


def _plain(sides: list[Side], plan: Plan, unit: str, names: list[str], measure: Callable) -> str:
    """A table of as many rows as `measure` returns values."""
    say(", ".join(names))
    pairs = _pairs(sides, plan.pairs, measure)
    rows = [Row([name], [[(here[at], there[at]) for here, there in pairs]]) for at, name in enumerate(names)]
    return table(sides[1].name, [""], [unit], rows)


def sizes(revision: str, here: dict[str, Path], there: dict[str, Path]) -> str:
    """A table of the components' sizes. One that only one of the trees has has no ratio."""
    rows = []
    for name in sorted(here | there):
        bytes = [files[name].stat().st_size if name in files else None for files in (there, here)]
        shown = [text.NOTHING if size is None else f"{size:,}" for size in bytes]
        rows.append([name, *shown, text.NOTHING if None in bytes else f"{bytes[1] / bytes[0]:.4f}"])
    head = ["component", f"bytes, {revision}", "this tree", "ratio"]
    return f"sizes\n\n{text.table(head, rows, aligned=True)}"


PARTS = {"work": _work, "bulk": _bulk, "cold": _cold, "memory": _memory}
