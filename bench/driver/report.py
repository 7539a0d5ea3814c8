"""RESULTS.md and its plots, from what the sections saw."""

from pathlib import Path
from statistics import median

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

from driver import figures, history, targets, text  # noqa: E402
from driver.figures import CONNECTIONS  # noqa: E402
from driver.machine import ROOT  # noqa: E402
from driver.operations import OPERATIONS  # noqa: E402
from driver.sections import DISTANCE, WRITES  # noqa: E402
from driver.servers import INSTANCE_REQUESTS  # noqa: E402

LINES = ("-", "--", ":")


def write(results: dict, home: Path) -> None:
    """Writes the report into a directory."""
    plots = home / "plots"
    plots.mkdir(exist_ok=True)
    for old in plots.glob("*.svg"):
        old.unlink()
    plt.rcParams |= {"svg.hashsalt": "accord", "svg.fonttype": "none", "font.size": 10, "axes.spines.top": False,
                     "axes.spines.right": False, "figure.constrained_layout.use": True}
    parts = [_head(results), _targets(results), _gains(plots)]
    for name, part in (("peers", _peers), ("work", _work), ("bulk", _bulk), ("cold", _cold), ("memory", _memory),
                       ("mixed", _mixed), ("distance", _distance), ("trigrams", _trigrams)):
        if name in results:
            parts.append(part(results, plots))
    parts.append(_sizes(results))
    parts.append((ROOT / "bench/GAINS.md").read_text())
    (home / "RESULTS.md").write_text("\n\n".join(part.strip() for part in parts) + "\n")


def _save(figure, plots: Path, name: str) -> str:
    figure.savefig(plots / name, metadata={"Date": None})
    plt.close(figure)
    return f"![](plots/{name})"


def _head(results: dict) -> str:
    plan = results["plan"]
    rows = [list(row) for row in results["machine"]]
    resumed = ""
    if results.get("resumed"):
        resumed = ", resumed once or more: what a part compares is of one run, the parts are not"
    if plan["quick"]:
        measured = f"one round of {plan['seconds']} s, without a warm-up: enough to try the bench, too little to compare by."
    else:
        measured = f"""a warm-up, then {plan["rounds"]} rounds of {plan["seconds"]} s in which the compared take turns, and
{plan["growth_rounds"]} of what is measured for its growth alone. A number is the median of the rounds, ± half of their range."""
    return f"""# What Accord costs, measured

Written by `bench/run{" --quick" if plan["quick"] else ""}` on {results["date"]}, in {results["minutes"]:.0f} minutes{resumed}. Accord runs
on {results.get("runtime", "the embedded host")}.
The load runs on the same machine, and so may others: the ratios say more than the numbers. Load is a closed loop of
`wrk`: {measured} Processor time is of the server's processes, user and system.

{text.table(["", "versions"], rows, 2)}"""


def _targets(results: dict) -> str:
    plan = results["plan"]
    rows = []

    def target(what: str, shown: str, reached: bool) -> None:
        rows.append([what, shown, _verdict(reached)])

    for what, server, least in (
        ("`GET` by id, warm token: ≥ 0.6 × an empty component on the same host", "empty component", 0.6),
        ("… ≥ 0.3 × the native twin", "native twin", 0.3),
        ("… ≥ 5 × better-auth", "better-auth", 5),
        ("… ≥ 8 × FastAPI", "FastAPI", 8),
    ):
        if ratios := figures.faster(results, "read", server, by="GET by id"):
            target(what, f"{text.times(ratios)} at {CONNECTIONS} connections", median(ratios) >= least)
    if "bulk" in results:
        speeds = figures.bulk(results)
        target(f"portal PATCH of {plan['bulk']:,} new accounts: ≥ 0.5 × raw SQLite inserting the same rows",
               ", ".join(f"{text.times(ratios)} at {int(size):,}" for size, ratios in speeds.items()),
               all(median(ratios) >= 0.5 for ratios in speeds.values()))
    if growths := figures.growths(results):
        target(f"at {plan['sizes'][-1]:,} accounts every operation's p50 ≤ 1.5 × that at {plan['sizes'][0]:,}",
               figures.worst(growths, 1.5), max(growths.values()) <= 1.5)
    if "cold" in results:
        cold = results["cold"]
        more = median(cold["first"]) - median(cold["warm"])
        target("first request of a fresh instance ≤ 3 ms over a warm one", f"{text.number(more)} ms", more <= 3)
        start = median(cold["with_cache"])
        target("host start to first answer < 50 ms with precompiled artifacts", f"{text.number(start)} ms", start < 50)
    name, size = max(results["sizes"].items(), key=lambda pair: pair[1])
    target("no component over 1.5 MB", f"largest {size / 1e6:.2f} MB ({name})", size <= 1.5e6)
    if "memory" in results:
        memory = results["memory"]
        reads = memory["reads"]
        target("host < 150 MB resident at 64 connections of reads", f"{text.number(reads)} MB", reads < 150)
        *_, before, last = memory["sign_ins"]
        # Instances keep what they took: bounded is what a further wave adds nothing to.
        target(f"… and bounded while {plan['sign_ins']} sign-ins hash",
               ", ".join(f"{text.number(peak)} MB" for peak in memory["sign_ins"]) + ", wave by wave", last <= 1.1 * before)
    parts = ["## Targets", "What was to be reached from version 0.1 on:", text.table(["target", "reached", ""], rows, 3)]
    if since := targets.of(results):
        head = ["what", "version 0.1", "to reach", "reached", ""]
        parts += ["What is to be reached since, where this run has measured it:",
                  text.table(head, [[one.what, one.was, one.wanted, one.shown, _verdict(one.is_reached)] for one in since], 5)]
    if counted := targets.statements(results):
        head = ["statements (each a round trip on libSQL)", "version 0.1", "to reach", "reached", ""]
        parts += [f"What each operation asks the database is counted by `{targets.COUNTED}`, whose snapshot this is:",
                  text.table(head, [[one.what, one.was, one.wanted, one.shown, _verdict(one.is_reached)] for one in counted], 5)]
    return "\n\n".join(parts)


def _verdict(is_reached: bool | None) -> str:
    """Whether a target is reached, or neither if that is not known."""
    return text.NOTHING if is_reached is None else "yes" if is_reached else "**no**"


def _gains(plots: Path) -> str:
    """How near each target was, from one whole run to the next."""
    runs = history.read()
    names = list(dict.fromkeys(name for run in runs for name in run["shares"]))
    figure, axes = plt.subplots(figsize=(8, 8))
    for at, name in enumerate(names):
        points = [(number, run["shares"][name]) for number, run in enumerate(runs) if name in run["shares"]]
        axes.plot(*zip(*points), marker="o", linestyle=LINES[at // 10 % len(LINES)], label=name)
    axes.axhline(1, color="#444444", linewidth=0.8)
    axes.set_yscale("log")
    axes.set_yticks([0.1, 0.2, 0.5, 1, 2, 5], ["0.1", "0.2", "0.5", "1", "2", "5"])
    axes.minorticks_off()
    axes.set_xticks(range(len(runs)), [f"{run['revision']}\n{run['date']}" for run in runs])
    axes.set_ylabel("reached, as a multiple of the target (logarithmic)")
    axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(0, -0.1), frameon=False)
    return f"""## From one revision to the next

What each whole run reached of the targets, as `bench/history.json` keeps it: on the line at 1 a target is reached, below it is not.
Where a target has several numbers, it is the worst of them.

{_save(figure, plots, "gains.svg")}"""


def _refused(part: dict) -> str:
    """What refused to be measured."""
    lines = [f"- {what}: {' '.join(said.split())[:300]}" for what, said in part.get("refused", {}).items()]
    return "\n".join(["Not measured, or not to its end, for it was refused:", "", *lines]) if lines else ""


def _rows_written(rows: dict) -> str:
    """Whether the twin writes what Accord writes."""
    others = [
        f"{name}: {', '.join(f'{table} {count}' for table, count in accord.items()) or 'nothing'}, and the twin "
        + (", ".join(f"{table} {count}" for table, count in twin.items()) or "nothing")
        for name, (accord, twin) in rows.items() if accord != twin
    ]
    if not rows:
        return ""
    if others:
        return "Rows that two requests of Accord add, where the twin's add others: " + "; ".join(others) + "."
    return "Of each of these writes the twin adds as many rows to the same tables as Accord."


def _peers(results: dict, plots: Path) -> str:
    peers = results["peers"]
    there = results.get("rauthy")
    rauthy = f"""rauthy {there} keeps what it reads in memory, and an
acknowledged write of it may be lost for 200 ms""" if there else "rauthy is not here"
    parts = ["## Beside others", f"""On the store of the smallest directory. The twin does the same with axum and rusqlite and without WebAssembly, on a
copy of the same store, with the same tokens: it asks the same of whoever calls and writes the same rows. (The twin of version 0.1 knew
nothing of suspended owners, and noted a success at every `PATCH`, as Accord did; both note one a second by now.) FastAPI and SQLAlchemy run as one
process for each processor, and so does better-auth; both remember what they have verified as Accord does (better-auth keeps
sessions in its store). All these have WAL and `synchronous = FULL`. {rauthy}.""", _rows_written(peers.get("rows", {})), _refused(peers)]
    parts.append(_rates(peers["rounds"]["read"], plots))
    for name, rows in peers["rounds"].items():
        base = rows[0]
        table = []
        for row in rows:
            for connections in row["rounds"]:
                rates, costs = (figures.of(row["rounds"], connections, key) for key in ("rate", "cpu"))
                faster, dearer = "", ""
                if row is not base:
                    faster = text.times(text.ratios(figures.of(base["rounds"], connections, "rate"), rates))
                    dearer = text.times(text.ratios(costs, figures.of(base["rounds"], connections, "cpu")))
                table.append([
                    row["server"], row["what"], connections, text.with_spread(rates),
                    *(text.median(figures.of(row["rounds"], connections, key)) for key in ("p50", "p99", "cpu")), faster, dearer])
        title = "Read an account" if name == "read" else name[0].upper() + name[1:]
        head = ["server", "what", "connections", "requests/s", "p50 ms", "p99 ms", "CPU µs/request",
                "Accord is faster by", "its CPU over Accord's"]
        parts.append(f"### {title}\n\n{text.table(head, table, 2)}")
    resident = [[name, text.number(megabytes)] for name, megabytes in peers["resident"].items()]
    parts.append("Resident after all of this, in MB:\n\n" + text.table(["server", "MB"], resident))
    return "\n\n".join(part for part in parts if part)


def _rates(rows: list[dict], plots: Path) -> str:
    bars = {
        row["server"] + (", other tokens" if "another" in row["what"] else ""): rates
        for row in rows if (rates := figures.of(row["rounds"], CONNECTIONS, "rate"))
    }
    if not bars:
        return ""
    figure, axes = plt.subplots(figsize=(8, 0.45 * len(bars) + 1))
    values = [median(rates) for rates in bars.values()]
    errors = [[value - min(rates) for value, rates in zip(values, bars.values())],
              [max(rates) - value for value, rates in zip(values, bars.values())]]
    colors = ["#2a6fdb" if name.startswith("Accord") else "#9aa5b1" for name in bars]
    axes.barh(list(bars), values, xerr=errors, color=colors, ecolor="#444444")
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel(f"requests/s at {CONNECTIONS} connections (logarithmic)")
    return _save(figure, plots, "peers.svg")


def _work(results: dict, plots: Path) -> str:
    work, plan = results["work"], results["plan"]
    growth = figures.growth(results)
    small, large = (str(plan["sizes"][at]) for at in (0, -1))
    alone = {operation.name: operation for operation in OPERATIONS if operation.growth_only}
    table, grown = [], []
    for name, sizes in work["operations"].items():
        if name in alone:
            ratios = growth[name]
            reached = _verdict(median(ratios) <= 1.5 if ratios else None)
            why = alone[name].why if ratios and median(ratios) > 1.25 else ""
            grown.append([
                name, *(text.with_spread(figures.of(sizes.get(size, {}), "1", "p50")) for size in (small, large)),
                text.times(ratios), reached, why])
            continue
        for size, rounds in sizes.items():
            for connections in rounds:
                last = connections == "1" and size == large
                table.append([
                    name, f"{int(size):,}", connections, text.with_spread(figures.of(rounds, connections, "rate")),
                    *(text.median(figures.of(rounds, connections, key)) for key in ("p50", "p99", "cpu")),
                    text.times(growth[name]) if last else ""])
    head = ["operation", "accounts", "connections", "requests/s", "p50 ms", "p99 ms", "CPU µs/request", "p50 over smallest"]
    growths = [f"p50 at {int(small):,}, ms", f"at {int(large):,}, ms", "over the smallest", "≤ 1.5 ×"]
    resident = ", ".join(f"{text.number(megabytes)} MB at {int(size):,}" for size, megabytes in work["resident"].items())
    parts = [f"""## Work and growth

The operator sees every account, a reseller itself and 50 customers. There is a user, a membership and an identity of each
for every account, and a reseller has 50 members, 50 who are invited, and 50 records more. What makes rows is measured on a directory that
is made anew before each round, but for the largest. An operation that takes longer than 0.2 s is measured at one connection, twice a
round. After all of it the host has {resident} resident.""",
             _refused(work), _curves(work["operations"], plots), text.table(head, table, 1) if table else ""]
    if grown:
        parts += ["""### Lists, and what else is measured for its growth alone

One connection. Rare words are those of forty accounts and of their users in a directory of any size; common ones are searched by
resellers, whose 51 accounts have them.""", text.table(["", *growths, ""], grown)]
    return "\n\n".join(part for part in parts if part)


def _curves(operations: dict, plots: Path) -> str:
    alone = {operation.name for operation in OPERATIONS if operation.growth_only}
    curves = {
        name: points for name, sizes in operations.items() if name not in alone
        and (points := [(int(size), median(seen)) for size, rounds in sizes.items() if (seen := figures.of(rounds, "1", "p50"))])
    }
    if not curves:
        return ""
    figure, axes = plt.subplots(figsize=(8, 5))
    for at, (name, points) in enumerate(curves.items()):
        # There are ten colours.
        axes.plot(*zip(*points), marker="o", linestyle=LINES[at // 10 % len(LINES)], label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("accounts")
    axes.set_ylabel("p50 in ms at one connection")
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return _save(figure, plots, "growth.svg")


def _bulk(results: dict, _plots: Path) -> str:
    count = results["plan"]["bulk"]
    table = [
        [f"{int(size):,}", *(text.with_spread(seen[name]) for name in ("new", "again", "raw")),
         text.times(text.ratios(seen["raw"], seen["new"]))]
        for size, seen in results["bulk"].items()
    ]
    head = ["accounts", "new, ms", "the same again, ms", "raw SQLite, ms", "speed of new over raw"]
    return f"""## A portal PATCH of {count:,} accounts

Raw SQLite is the same rows (accounts, identities and audit) in the same store in one transaction, by prepared statements
from a native program that has made all values before: no JSON, no check, no HTTP.

{text.table(head, table)}"""


def _cold(results: dict, _plots: Path) -> str:
    cold = results["cold"]
    rows = {
        "host start to first answer, components compiled": cold["with_cache"],
        "host start to first answer, nothing compiled": cold["without_cache"],
        "a request to a warm instance": cold["warm"],
        "the first request of an instance": cold["first"],
        "a list by HTTP Basic, first round of 200": cold["basic"][:1],
        # A quick run has one round and none after it.
        "a list by HTTP Basic, the rounds after it": cold["basic"][1:],
        "a list by token": cold["bearer"],
    }
    table = [[what, text.with_spread(took)] for what, took in rows.items()]
    return f"""## Cold

The first answer is of the component `oauth`, from a store that is there. An instance serves {INSTANCE_REQUESTS:,} requests, so of
requests one after another every such is the first of an instance: it opens a connection and checks the token's signature.
A warm request is the same `GET` by id. The list is of a reseller's 50 customers, 200 times one after another: the
administration API's by HTTP Basic, of which the first round has to hash the password, and the accounts API's by token.

{text.table(["", "ms"], table)}"""


def _memory(results: dict, _plots: Path) -> str:
    memory = results["memory"]
    table = [
        ["host started", text.number(memory["started"])],
        ["peak at 64 connections of reads", text.number(memory["reads"])],
        ["after them", text.number(memory["after_reads"])],
        *([f"peak while {results['plan']['sign_ins']} sign-ins hash, wave {number}", text.number(peak)]
          for number, peak in enumerate(memory["sign_ins"], 1)),
    ]
    return f"""## Memory

A sign-in hashes with Argon2id, which takes 7 MiB in the instance that does it.

{text.table(["resident", "MB"], table)}"""


def _distance(results: dict, _plots: Path) -> str:
    seen = results["distance"]
    table = [[name, text.with_spread(took)] for name, took in seen["operations"].items()]
    return f"""## With the database {DISTANCE} ms away

The host has each statement take {DISTANCE} ms more (`accord up --distance {DISTANCE}`), as if it crossed a network, and each is
a round trip there. One request at a time; then 16 writers that each make accounts one by one make
{text.with_spread(seen["writers"])} a second together.

{text.table(["", "p50, ms"], table)}"""


def _mixed(results: dict, _plots: Path) -> str:
    seen = results["mixed"]
    table = [
        [what, *(text.with_spread([one[key] for one in seen[kind]]) for key in ("rate", "p50", "p99"))]
        for what, kind in (("reads alone", "alone"), ("reads beside writes", "beside"))
    ]
    return f"""## Reads beside writes

`GET` of an account by id over 16 connections, alone and while others send a portal `PATCH` of one new account: {WRITES} % of all requests are
to be writes, and {text.median([share * 100 for share in seen["share"]])} % were. The p99 beside them is {text.times(figures.tails(results))} that alone.

{text.table(["", "reads/s", "p50 ms", "p99 ms"], table)}"""


def _trigrams(results: dict, _plots: Path) -> str:
    table, slower = [], []
    for size, seen in results["trigrams"].items():
        ratios = text.ratios(seen["with"], seen["without"])
        slower.append(median(ratios))
        table.append([f"{int(size):,}", text.with_spread(seen["without"]), text.with_spread(seen["with"]), text.times(ratios)])
    most = max(slower)
    verdict = "which is more" if most > 1.3 else "which is less"
    return f"""## What the index for `contains` and `$search` costs

A portal `PATCH` of {results["plan"]["bulk"]:,} new accounts as it is, and without the FTS5 table of the trigrams of what `$search` looks in and the triggers that keep it.
The rule is that what makes a batch slower than 1.3 × is not built. It is {text.number(most)} × at most, {verdict}.

{text.table(["accounts", "without, ms", "with, ms", "slower by"], table)}"""


def _sizes(results: dict) -> str:
    table = [[name, f"{size / 1e6:.3f}"] for name, size in results["sizes"].items()]
    return f"## Size of each component\n\n{text.table(['component', 'MB'], table)}"
