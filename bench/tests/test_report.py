"""The report, of small results as the sections return them."""

import json
import re
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from driver import report
from driver.operations import OPERATIONS
from driver.sections import AWAY, SECTIONS, Plan

HEADINGS = {
    "peers": "## Beside others",
    "work": "## Work and growth",
    "bulk": "## A portal PATCH of",
    "cold": "## Cold",
    "memory": "## Memory",
    "distance": "## With the database 10 ms away",
}


def rounds(plan: Plan, connections: tuple[int, ...]) -> dict:
    """What a load saw at each of these numbers of connections."""
    seen = [{"rate": 1000.0 + number, "p50": 0.5, "p99": 2.0, "cpu": 300.0} for number in range(plan.rounds)]
    return {str(number): seen for number in connections}


def results(plan: Plan, *parts: str) -> dict:
    """What a run of these parts keeps."""
    compared = [
        ("Accord", "GET by id"), ("Accord", "GET by id, every request with another token"), ("empty component", "nothing"),
        ("native twin", "GET by id"), ("FastAPI", "GET by id"), ("better-auth", "get-organization"),
    ]
    seen = {
        "work": {
            "operations": {
                name: {str(size): rounds(plan, plan.connections_at(size)) for size in plan.sizes} for name in plan.operations
            },
            "resident": {str(size): 100.0 for size in plan.sizes},
        },
        "bulk": {
            str(size): {kind: [100.0] * plan.rounds for kind in ("new", "again", "raw")} for size in plan.sizes},
        "peers": {
            "rounds": {
                kind: [
                    {"server": server, "what": what, "rounds": rounds(plan, plan.connections)} for server, what in compared]
                for kind in ("read", "change an account")
            },
            "resident": {server: 50.0 for server, _ in compared},
        },
        "cold": {
            "basic": [0.8] * plan.rounds, "bearer": [0.6] * plan.rounds, "without_cache": [2600.0],
            "with_cache": [18.0] * plan.starts, "first": [2.0] * (plan.instances - 1), "warm": [0.3] * 1023,
        },
        "memory": {"started": 9.0, "reads": 100.0, "after_reads": 90.0, "sign_ins": [240.0, 250.0, 251.0, 252.0]},
        "distance": {"operations": {name: [40.0] * plan.rounds for name in AWAY}, "writers": [11.0] * plan.rounds},
    }
    return {
        "date": "2026-01-01", "machine": [("processor", "one"), ("Accord", "abc1234")], "plan": vars(plan),
        "sizes": {"oauth": 1_430_000, "console": 90_000}, "minutes": 1.2, **{part: seen[part] for part in parts},
    }


class Report(unittest.TestCase):
    def write(self, results: dict, answered: bool = True) -> str:
        """Writes a report of results as they are kept, looks at what any report has, and returns its text."""
        results = json.loads(json.dumps(results))
        with tempfile.TemporaryDirectory() as directory:
            home = Path(directory)
            report.write(results, home)
            text = (home / "RESULTS.md").read_text()
            plots = {file.name for file in (home / "plots").iterdir()}
            for name in plots:
                ElementTree.parse(home / "plots" / name)
                self.assertIn(f"(plots/{name})", text)
        expected = {name for part, name in (("work", "growth.svg"), ("peers", "peers.svg")) if part in results and answered}
        self.assertEqual(plots, expected)
        for part, heading in HEADINGS.items():
            self.assertEqual(heading in text, part in results, heading)
        self.assertIn("## Size of each component", text.splitlines())
        self.assertEqual(re.findall(r"\b(?:nan|inf|None)\b", text), [])
        return text

    def test_whole(self):
        lines = self.write(results(Plan(False), *SECTIONS)).splitlines()
        self.assertIn("Written by `bench/run` on 2026-01-01, in 1 minutes.", lines)
        self.assertIn("| GET by id, operator | 1,000 | 16 | 1,002 ± 0 % | 0.50 | 2.00 | 300 |  |", lines)

    def test_quick(self):
        lines = self.write(results(Plan(True), *SECTIONS)).splitlines()
        self.assertIn("Written by `bench/run --quick` on 2026-01-01, in 1 minutes.", lines)
        self.assertIn("| a list by HTTP Basic, the rounds after it | – |", lines)

    def test_each_part_alone(self):
        for part in SECTIONS:
            with self.subTest(part):
                self.write(results(Plan(True), part))

    def test_some_operations(self):
        self.assertIn("; 0 of 1 are over |", self.write(results(Plan(True, OPERATIONS[:1]), "work")))

    def test_rounds_without_an_answer(self):
        """Such rounds are not kept: some of a load's are missing, or all."""
        seen = results(Plan(False), "work", "peers")
        none, one, largest, *_ = seen["work"]["operations"].values()
        none.clear()
        one["1000"]["1"] = one["1000"]["1"][:1]
        del largest["1000000"]
        accord, other, empty, *_ = seen["peers"]["rounds"]["read"]
        accord["rounds"]["64"] = []
        other["rounds"]["16"] = other["rounds"]["16"][:1]
        del empty["rounds"]["16"]
        self.write(seen)

    def test_nothing_answered(self):
        seen = results(Plan(True), "work", "peers")
        seen["work"]["operations"] = {name: {} for name in seen["work"]["operations"]}
        for rows in seen["peers"]["rounds"].values():
            for row in rows:
                row["rounds"] = {}
        self.write(seen, answered=False)

    def test_more_operations_than_colours(self):
        seen = results(Plan(True), "work")
        (one, *_) = seen["work"]["operations"].values()
        seen["work"]["operations"] = {f"operation {number}": one for number in range(40)}
        self.write(seen)

    def test_processor_time_below_the_clock(self):
        seen = results(Plan(True), "peers")
        for row in seen["peers"]["rounds"]["read"]:
            for one in row["rounds"]["16"]:
                one["cpu"] = 0.0
        self.write(seen)
