"""The command line: `bench/run --help`."""

import argparse
import json
import shutil
import time

from driver import machine, report, sections
from driver.machine import ROOT, WORK
from driver.operations import OPERATIONS
from driver.profile import profile
from driver.sections import SECTIONS, Plan


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench/run", description="Measures Accord on this machine.")
    parser.add_argument("--quick", action="store_true", help="a few short rounds on small directories, to try the bench")
    parser.add_argument("--only", action="append", choices=SECTIONS, help="one part; may be given several times")
    parser.add_argument("--resume", action="store_true", help="the parts that the last whole run did not come to")
    parser.add_argument("--profile", metavar="OPERATION", choices=[operation.name for operation in OPERATIONS],
                        help="where the host's time goes in one operation, as perf sees it")
    parser.add_argument("--accounts", type=int, default=1000, help="size of the directory for --profile")
    parser.add_argument("--report", action="store_true", help="write the last whole run's report anew")
    arguments = parser.parse_args()
    if arguments.report:
        report.write(json.loads((WORK / "results.json").read_text()), ROOT / "bench")
        return
    if arguments.profile:
        profile(arguments.profile, arguments.accounts)
        return
    chosen = arguments.only or list(SECTIONS)
    plan = Plan(arguments.quick)
    # What is not the whole run does not replace its results.
    whole = not arguments.quick and chosen == list(SECTIONS)
    home = ROOT / "bench" if whole else WORK / "partial"
    home.mkdir(parents=True, exist_ok=True)
    kept = WORK / "results.json" if whole else home / "results.json"

    for directory in ("requests", "state", "peers"):
        shutil.rmtree(WORK / directory, ignore_errors=True)
    started = time.monotonic()
    results = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine.description(),
        "plan": vars(plan),
        "sizes": sections.sizes(),
    }
    if arguments.resume:
        results |= json.loads(kept.read_text()) | {"resumed": True}
    before = results.get("minutes", 0)
    for name in chosen:
        if name in results:
            continue
        results[name] = SECTIONS[name](plan)
        results["minutes"] = before + (time.monotonic() - started) / 60
        # After each part, for the report of a run that ends before its time.
        kept.write_text(json.dumps(results, indent=1))
    # Each copy of a directory is as large as the directory.
    shutil.rmtree(WORK / "state", ignore_errors=True)
    report.write(results, home)
    sections.say(f"{home / 'RESULTS.md'} is written, after {results['minutes']:.1f} minutes")


main()
