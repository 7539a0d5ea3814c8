"""The command line: `bench/run --help`."""

import argparse
import json
import shutil
import time
from pathlib import Path

from driver import build, compare, directory, history, machine, rauthy, report, sections, servers
from driver.machine import ROOT, WORK
from driver.operations import OPERATIONS
from driver.profile import profile
from driver.sections import EMBEDDED, NEEDS, SECTIONS, Plan


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench/run", description="Measures Accord on this machine.")
    parser.add_argument("--quick", action="store_true", help="a few short rounds on small directories, to try the bench")
    parser.add_argument("--only", action="append", choices=SECTIONS, help="one part; may be given several times")
    parser.add_argument("--operation", action="append", metavar="TEXT",
                        help="of the part work only operations with this in their name; may be given several times")
    parser.add_argument("--resume", action="store_true", help="the parts that the last such run did not come to")
    parser.add_argument("--report", action="store_true", help="write the report of the last such run anew")
    parser.add_argument("--compare", metavar="REV",
                        help="this tree and a revision from its history in turn; prints ratios and writes no report")
    parser.add_argument("--target", metavar="DIRECTORY", type=Path, default=compare.HOME / "target",
                        help="where --compare builds the revision, kept for the next time; below the tree's own target/ "
                             "unless given")
    parser.add_argument("--profile", metavar="OPERATION", choices=[operation.name for operation in OPERATIONS],
                        help="where the host's time goes in one operation, as perf sees it")
    parser.add_argument("--prepare", action="store_true",
                        help="build all that a run needs and make its directories, which are kept, and measure nothing")
    parser.add_argument("--program", metavar="FILE", type=Path,
                        help="a host that is built already; then nothing of Accord is built")
    parser.add_argument("--runtime", choices=servers.RUNTIMES, default="accord",
                        help="what runs Accord; with spin, which has to be on the PATH, the report is written below target/")
    parser.add_argument("--accounts", type=int, help="size of the directory for --compare and --profile")
    arguments = parser.parse_args()

    operations = [
        operation for operation in OPERATIONS
        if not arguments.operation or any(part.lower() in operation.name.lower() for part in arguments.operation)
    ]
    if not operations:
        parser.error(f"no operation has such a name; there are: {'; '.join(operation.name for operation in OPERATIONS)}")
    chosen = arguments.only or (["work"] if arguments.operation else list(SECTIONS))
    servers.PROGRAM = arguments.program and arguments.program.resolve()
    servers.runtime = arguments.runtime
    if arguments.program and arguments.compare:
        parser.error("--compare needs the host of each tree")
    if servers.runtime == "spin":
        if shutil.which("spin") is None:
            parser.error("spin is not on the PATH")
        if arguments.compare or arguments.profile:
            parser.error("--compare and --profile are of the embedded host")
        if left_out := [name for name in chosen if name in EMBEDDED]:
            sections.say(f"Spin has no {', '.join(left_out)}")
        chosen = [name for name in chosen if name not in EMBEDDED]
    if arguments.compare:
        if arguments.only and not set(chosen) <= set(compare.PARTS):
            parser.error(f"--compare has the parts {', '.join(compare.PARTS)}")
        plan = compare.Plan(arguments.quick, operations, arguments.accounts)
        compare.compare(arguments.compare, arguments.target, plan, [part for part in compare.PARTS if part in chosen])
    elif arguments.profile:
        build.install("wrk", "perf")
        build.accord()
        profile(arguments.profile, arguments.accounts or 1000)
    else:
        # What is not the whole run does not replace its results.
        whole = not arguments.quick and servers.runtime == "accord" and chosen == list(SECTIONS) and operations == OPERATIONS
        home = ROOT / "bench" if whole else WORK / ("spin" if servers.runtime == "spin" else "partial")
        run(Plan(arguments.quick, operations), chosen, home, arguments)


def run(plan: Plan, chosen: list[str], home: Path, arguments: argparse.Namespace) -> None:
    """Runs the chosen parts and writes the report into `home`."""
    kept = (WORK if home == ROOT / "bench" else home) / "results.json"
    home.mkdir(parents=True, exist_ok=True)
    if (arguments.report or arguments.resume) and not kept.exists():
        raise SystemExit(f"there was no such run: {kept} is missing")
    if arguments.report:
        report.write(json.loads(kept.read_text()), home)
        return
    build.install("wrk")
    build.accord()
    for need in dict.fromkeys(need for name in chosen for need in NEEDS.get(name, ())):
        need()
    if arguments.prepare:
        for size in plan.sizes:
            directory.kept(size)
        return
    for old in ("requests", "state", "peers"):
        shutil.rmtree(WORK / old, ignore_errors=True)
    started = time.monotonic()
    results = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine.description(),
        "runtime": machine.said("spin", "--version") if servers.runtime == "spin" else "the embedded host",
        "rauthy": rauthy.version(),
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
    if home == ROOT / "bench":
        history.add(results)
    report.write(results, home)
    sections.say(f"{home / 'RESULTS.md'} is written, after {results['minutes']:.1f} minutes")


main()
