"""The report, of small results as the sections return them."""

import json
import re
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from driver import history, report, targets
from driver.operations import OPERATIONS
from driver.sections import AWAY, SECTIONS, Plan

HEADINGS = {
    "peers": "## Beside others",
    "work": "## Work and growth",
    "bulk": "## A portal PATCH of",
    "cold": "## Cold",
    "memory": "## Memory",
    "mixed": "## Reads beside writes",
    "distance": "## With the database 10 ms away",
    "trigrams": "## What the index for `contains` and `$search` costs",
}


def rounds(plan: Plan, connections: tuple[int, ...]) -> dict:
    """What a load saw at each of these numbers of connections."""
    seen = [{"rate": 1000.0 + number, "p50": 0.5, "p99": 2.0, "cpu": 300.0} for number in range(plan.rounds)]
    return {str(number): seen for number in connections}


def results(plan: Plan, *parts: str) -> dict:
    """What a run of these parts keeps."""
    compared = [
        ("Accord", "GET by id"), ("Accord", "GET by id, every request with another token"), ("empty component", "nothing"),
        ("native twin", "GET by id"), ("native twin", "GET by id, every request with another token"), ("FastAPI", "GET by id"),
        ("better-auth", "get-organization"), ("rauthy", "GET of a user by id"),
    ]
    pairs = {
        "change an account": [("Accord", "PUT"), ("native twin", "PUT"), ("FastAPI", "PATCH")],
        "portal PATCH of 1, again": [("Accord", "PATCH again"), ("native twin", "PATCH again")],
        "portal PATCH of 1, new": [("Accord", "PATCH new"), ("native twin", "PATCH new")],
        "endpoint PATCH, update": [("Accord", "PATCH, update"), ("native twin", "PATCH, update")],
        "endpoint PATCH, insert": [("Accord", "PATCH, insert"), ("native twin", "PATCH, insert")],
        "token by client credentials": [("Accord", "token"), ("native twin", "token"), ("rauthy", "token")],
        "create a user": [("Accord", "portal PATCH of 1 user, new"), ("rauthy", "POST of a user")],
        "create an organization": [("Accord", "POST"), ("better-auth", "organization/create")],
        "add a member": [("Accord", "POST users"), ("better-auth", "addMember")],
    }
    alone = {operation.name for operation in OPERATIONS if operation.growth_only}
    seen = {
        "work": {
            "operations": {
                name: {
                    str(size): rounds(plan, connections) for size in plan.sizes
                    if (connections := plan.connections_at(size, name in alone))
                } for name in plan.operations
            },
            "refused": {},
            "resident": {str(size): 100.0 for size in plan.sizes},
        },
        "bulk": {
            str(size): {kind: [100.0] * plan.rounds for kind in ("new", "again", "raw")} for size in plan.sizes},
        "peers": {
            "rounds": {
                kind: [
                    {"server": server, "what": what, "rounds": rounds(plan, connections)} for server, what in those]
                for kind, those, connections in (
                    ("read", compared, plan.connections), *((kind, those, (16,)) for kind, those in pairs.items()))
            },
            "rows": {"endpoint PATCH, insert": [{"records": 2, "audit": 2}] * 2},
            "refused": {},
            "resident": {server: 50.0 for server, _ in compared},
        },
        "cold": {
            "basic": [0.8] * plan.rounds, "bearer": [0.6] * plan.rounds, "without_cache": [2600.0],
            "with_cache": [18.0] * plan.starts, "first": [2.0] * (plan.instances - 1), "warm": [0.3] * 1023,
        },
        "memory": {"started": 9.0, "reads": 100.0, "after_reads": 90.0, "sign_ins": [240.0, 250.0, 251.0, 252.0]},
        "mixed": {
            "alone": [{"rate": 9000.0, "p50": 1.0, "p99": 3.0}] * plan.rounds,
            "beside": [{"rate": 4000.0, "p50": 2.0, "p99": 6.0}] * plan.rounds, "share": [0.1] * plan.rounds},
        "trigrams": {
            str(size): {"without": [150.0] * plan.rounds, "with": [300.0] * plan.rounds} for size in plan.sizes[:2]},
        "distance": {"operations": {name: [40.0] * plan.rounds for name in AWAY}, "writers": [11.0] * plan.rounds},
    }
    return {
        "date": "2026-01-01", "machine": [("processor", "one"), ("Accord", "abc1234")], "plan": vars(plan),
        "sizes": {"oauth": 1_430_000, "console": 90_000}, "minutes": 1.2, "rauthy": "0.36.0", **{part: seen[part] for part in parts},
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
        self.assertEqual(plots, expected | {"gains.svg"})
        for part, heading in HEADINGS.items():
            self.assertEqual(heading in text, part in results, heading)
        self.assertIn("## Size of each component", text.splitlines())
        self.assertEqual(re.findall(r"\b(?:nan|inf|None)\b", text), [])
        return text

    def test_whole(self):
        lines = self.write(results(Plan(False), *SECTIONS)).splitlines()
        self.assertIn("Written by `bench/run` on 2026-01-01, in 1 minutes. Accord runs", lines)
        self.assertIn("| GET by id, operator | 1,000 | 16 | 1,002 ± 0 % | 0.50 | 2.00 | 300 |  |", lines)

    def test_quick(self):
        lines = self.write(results(Plan(True), *SECTIONS)).splitlines()
        self.assertIn("Written by `bench/run --quick` on 2026-01-01, in 1 minutes. Accord runs", lines)
        self.assertIn("| a list by HTTP Basic, the rounds after it | – |", lines)

    def test_targets(self):
        """Each is told with what it was, what it is to be, and whether it is that."""
        lines = self.write(results(Plan(False), *SECTIONS)).splitlines()
        self.assertIn("| portal PATCH of 1, again, over the twin, 16 connections | 0.22 | 0.7 | 1.00 × | yes |", lines)
        self.assertIn("| add a member, over better-auth | 2.0 | 5 | 1.00 × | **no** |", lines)
        self.assertIn(
            "| over rauthy 0.36, 16 connections: read one by id / token / create a user | 0.39 / 1.04 / 0.59 "
            "| 0.8 / 1.5 / 1, each write durable | 1.00 × / 1.00 × / 1.00 × | **no** |", lines)
        self.assertIn("| reads beside 10 % writes: p99 over reads alone | – | 2 | 2.00 × with 10.0 % writes | yes |", lines)
        self.assertIn(
            "| new accounts a second by single PATCHes of 16 writers, 10 ms away | 11 | 40 | 11.0 | **no** |", lines)
        self.assertIn("| list by name, operator | 0.50 ± 0 % | 0.50 ± 0 % | 1.00 × | yes |  |", lines)

    def test_without_rauthy(self):
        seen = results(Plan(True), "peers") | {"rauthy": None}
        for kind, rows in seen["peers"]["rounds"].items():
            seen["peers"]["rounds"][kind] = [row for row in rows if row["server"] != "rauthy"]
        text = self.write(seen)
        self.assertIn("| not here: there is no program of this name on the PATH | – |", text)

    def test_what_is_refused_is_told(self):
        seen = results(Plan(True), "work", "peers")
        name = seen["plan"]["operations"][0]
        seen["work"]["operations"][name] = {}
        seen["work"]["refused"][name] = "Accord: 504\nGET /slow"
        seen["peers"]["rows"]["endpoint PATCH, insert"][1] = {"records": 2}
        text = self.write(seen)
        self.assertIn(f"- {name}: Accord: 504 GET /slow", text.splitlines())
        self.assertIn("endpoint PATCH, insert: records 2, audit 2, and the twin records 2.", text)

    def test_statements_of_the_snapshot(self):
        found = targets.counts("operation | statements | of those under the write lock\nGET /a | 2 | 0\nPUT /a, b | 18 | 6\n\nGET /a\n")
        self.assertEqual(found, {"GET /a": (2, 0), "PUT /a, b": (18, 6)})
        # Those that the targets are of have the names that the test gives them.
        self.assertEqual(len(targets.statements({})), 3)

    def test_history(self):
        whole = results(Plan(False), *SECTIONS)
        shares = history.shares(json.loads(json.dumps(whole)))
        self.assertEqual(shares["add a member, over better-auth"], 0.2)
        self.assertEqual(shares["new accounts a second by single PATCHes of 16 writers, 10 ms away"], 0.275)
        # The runs that are kept are of these targets.
        self.assertLessEqual({name for run in history.read() for name in run["shares"]}, set(shares))

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
        accord["rounds"]["1"] = []
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
