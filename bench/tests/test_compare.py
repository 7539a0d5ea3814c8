"""The comparison: how pairs are taken and told, and the tree of the revision."""

import subprocess
import tempfile
import unittest
from pathlib import Path

from driver import compare
from driver.compare import Row, Side


class Pairs(unittest.TestCase):
    def test_who_is_first_alternates(self):
        order = []
        sides = [Side("here", None), Side("there", None)]
        pairs = compare._pairs(sides, 3, lambda side: order.append(side.name) or len(order))
        self.assertEqual(order, ["here", "there", "there", "here", "here", "there"])
        self.assertEqual(pairs, [(1, 2), (4, 3), (5, 6)])

    def test_a_pair_without_an_answer_is_left_out(self):
        saw = iter([1, None, 2, 3])
        sides = [Side("here", None), Side("there", None)]
        self.assertEqual(compare._pairs(sides, 2, lambda _: next(saw)), [(3, 2)])


class Table(unittest.TestCase):
    def test_ratios_are_of_pairs(self):
        rows = [
            Row(["get", "1"], [[(110.0, 100.0), (240.0, 200.0), (130.0, 100.0)], [(1.0, 1.0), (2.0, 1.0), (1.0, 2.0)]]),
            Row(["put", "1"], [[(100.0, 121.0)], [(1.0, 1.0)]]),
            Row(["refused", "–"], [[], []]),
        ]
        text = compare.table("abc1234", ["operation", "connections"], ["requests/s", "p50"], rows, mean=True)
        lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
        self.assertEqual(lines[:1] + lines[2:], [
            ["operation", "connections", "requests/s, abc1234", "this tree", "requests/s: ratio", "p50: ratio"],
            ["get", "1", "100", "130", "1.20 (1.10–1.30) *", "1.00 (0.50–2.00)"],
            ["put", "1", "121", "100", "0.83 (0.83–0.83)", "1.00 (1.00–1.00)"],
            ["refused", "–", "–", "–", "–", "–"],
            ["geometric mean", "", "", "", "0.996", "1.000"],
        ])
        self.assertEqual(len({len(line) for line in text.splitlines()}), 1)

    def test_sizes(self):
        with tempfile.TemporaryDirectory() as directory:
            old, new = Path(directory, "old"), Path(directory, "new")
            old.write_bytes(b"x" * 1000)
            new.write_bytes(b"x" * 1010)
            text = compare.sizes("abc1234", {"oauth": new, "web": new}, {"oauth": old, "gone": old})
        self.assertRegex(text, r"\| oauth +\| +1,000 \| +1,010 \| 1\.0100 \|")
        self.assertRegex(text, r"\| web +\| +– \| +1,010 \| +– \|")
        self.assertRegex(text, r"\| gone +\| +1,000 \| +– \| +– \|")


class Checkout(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = Path(directory.name).resolve()
        self.tree = self.root / "target/tree"
        self.git("init", "--quiet")
        for text in ("one", "two"):
            (self.root / "file").write_text(text)
            self.git("add", "file")
            self.git("-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "--message", text)

    def git(self, *arguments: str) -> None:
        subprocess.run(["git", "-C", self.root, *arguments], check=True)

    def checkout(self, revision: str, target: str = "target/there") -> str:
        return compare.checkout(revision, self.root / target, self.root, self.tree)

    def test_one_revision_after_another(self):
        self.checkout("HEAD~1")
        self.assertEqual((self.tree / "file").read_text(), "one")
        (self.tree / "target/built").touch()
        self.checkout("HEAD", "elsewhere")
        self.assertEqual((self.tree / "file").read_text(), "two")
        self.assertFalse((self.tree / "target/built").exists())
        self.checkout("HEAD~1")
        self.assertTrue((self.tree / "target/built").exists())
        self.assertEqual((self.tree / "file").read_text(), "one")
        self.assertEqual((self.root / "file").read_text(), "two")

    def test_what_is_changed_around_a_lost_tree_stays(self):
        self.tree.mkdir(parents=True)
        (self.root / "file").write_text("three")
        self.checkout("HEAD~1")
        self.assertEqual((self.root / "file").read_text(), "three")
        self.assertEqual((self.tree / "file").read_text(), "one")

    def test_refused(self):
        for revision, target in (("nowhere", "there"), ("HEAD", "target")):
            with self.subTest(revision), self.assertRaises(SystemExit):
                self.checkout(revision, target)
