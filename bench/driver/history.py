"""What was reached by which revision: `bench/history.json`, to which each whole run adds its own."""

import json

from driver import targets
from driver.machine import ROOT

FILE = ROOT / "bench/history.json"


def read() -> list[dict]:
    """The runs, the oldest first: revision, date, and of each target how many times its goal was reached."""
    return json.loads(FILE.read_text())


def shares(results: dict) -> dict[str, float]:
    """Of each target of a run how many times its goal is reached."""
    found = targets.of(results) + targets.statements(results)
    return {target.what: round(target.share, 3) for target in found if target.share is not None}


def add(results: dict) -> None:
    """Adds a whole run, in place of an earlier one of its revision."""
    revision = dict(map(tuple, results["machine"]))["Accord"]
    runs = [run for run in read() if run["revision"] != revision]
    runs.append({"revision": revision, "date": results["date"], "shares": shares(results)})
    FILE.write_text("[\n" + ",\n".join(json.dumps(run) for run in runs) + "\n]\n")
