"""RESULTS.md and its plots, from what the sections saw."""

from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

from driver.load import median, spread  # noqa: E402
from driver.machine import ROOT  # noqa: E402
from driver.servers import INSTANCE_REQUESTS  # noqa: E402

# The connections at which ratios are told where one number has to do.
CONNECTIONS = "16"


def write(results: dict, home: Path) -> None:
    """Writes the report into a directory."""
    plots = home / "plots"
    plots.mkdir(exist_ok=True)
    for old in plots.glob("*.svg"):
        old.unlink()
    plt.rcParams |= {"svg.hashsalt": "accord", "svg.fonttype": "none", "font.size": 10, "axes.spines.top": False,
                     "axes.spines.right": False, "figure.constrained_layout.use": True}
    parts = [_head(results), _targets(results)]
    for name, part in (("peers", _peers), ("work", _work), ("bulk", _bulk), ("cold", _cold), ("memory", _memory)):
        if name in results:
            parts.append(part(results, plots))
    parts.append(_sizes(results))
    parts.append((ROOT / "bench/GAINS.md").read_text())
    (home / "RESULTS.md").write_text("\n\n".join(part.strip() for part in parts) + "\n")


def _table(head: list[str], rows: list[list], text_columns: int = 1) -> str:
    align = ["---"] * text_columns + ["---:"] * (len(head) - text_columns)
    lines = [head, align, *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _number(value: float) -> str:
    """Three digits that count."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _of(rounds: list[dict], key: str) -> list[float]:
    return [one[key] for one in rounds]


def _with_spread(values: list[float]) -> str:
    return f"{_number(median(values))} ± {spread(values) * 100:.0f} %"


def _ratios(over: list[float], under: list[float]) -> list[float]:
    """Of each round its own ratio: what disturbs a round disturbs both."""
    if len(over) != len(under):
        return [median(over) / median(under)]
    return [a / b for a, b in zip(over, under, strict=True)]


def _save(figure, plots: Path, name: str) -> str:
    figure.savefig(plots / name, metadata={"Date": None})
    plt.close(figure)
    return f"![](plots/{name})"


def _head(results: dict) -> str:
    plan = results["plan"]
    rows = [list(row) for row in results["machine"]]
    resumed = ", resumed once or more: what a part compares is of one run, the parts are not" if results.get("resumed") else ""
    return f"""# What Accord costs, measured

Written by `bench/run`{" --quick" if plan["rounds"] < 5 else ""} on {results["date"]}, in {results["minutes"]:.0f} minutes{resumed}.
The load runs on the same machine, and so may others: the ratios say more than the numbers. Load is a closed loop of
`wrk`: a warm-up, then {plan["rounds"]} rounds of {plan["seconds"]} s in which the compared take turns. A number is the
median of the rounds, ± half of their range. Processor time is of the server's processes, user and system.

{_table(["", "versions"], rows, 2)}"""


def _row(rows: list[dict], server: str, what: str | None = None) -> dict | None:
    return next((row for row in rows if row["server"] == server and what in (None, row["what"])), None)


def _peer_ratio(results: dict, server: str, key: str = "rate") -> list[float] | None:
    rows = results.get("peers", {}).get("rounds", {}).get("read", [])
    other = _row(rows, server)
    if other is None:
        return None
    return _ratios(_of(_row(rows, "Accord", "GET by id")["rounds"][CONNECTIONS], key), _of(other["rounds"][CONNECTIONS], key))


def _growth(results: dict) -> dict[str, list[float]]:
    """Of each operation the p50 at the largest directory over that at the smallest, round by round."""
    small, large = (str(results["plan"]["sizes"][at]) for at in (0, -1))
    return {
        name: _ratios(_of(sizes[large]["1"], "p50"), _of(sizes[small]["1"], "p50"))
        for name, sizes in results["work"]["operations"].items()
    }


def _targets(results: dict) -> str:
    rows = []

    def target(text: str, value: float | None, shown: str, reached: bool) -> None:
        if value is not None:
            rows.append([text, shown, "yes" if reached else "**no**"])

    for text, server, least in (
        ("`GET` by id, warm token: ≥ 0.6 × an empty component on the same host", "empty component", 0.6),
        ("… ≥ 0.3 × the native twin", "native twin", 0.3),
        ("… ≥ 5 × better-auth", "better-auth", 5),
        ("… ≥ 8 × FastAPI", "FastAPI", 8),
    ):
        if ratios := _peer_ratio(results, server):
            value = median(ratios)
            target(text, value, f"{_number(value)} × at {CONNECTIONS} connections", value >= least)
    plan = results["plan"]
    if "bulk" in results:
        values = {size: median(_ratios(seen["raw"], seen["new"])) for size, seen in results["bulk"].items()}
        shown = ", ".join(f"{_number(value)} × at {int(size):,}" for size, value in values.items())
        target(f"portal PATCH of {plan['bulk']:,} new accounts: ≥ 0.5 × raw SQLite inserting the same rows",
               min(values.values()), shown, min(values.values()) >= 0.5)
    if "work" in results:
        growth = {name: median(ratios) for name, ratios in _growth(results).items()}
        worst = max(growth, key=growth.get)
        over = sum(value > 1.5 for value in growth.values())
        target(f"at {plan['sizes'][-1]:,} accounts every operation's p50 ≤ 1.5 × that at {plan['sizes'][0]:,}",
               growth[worst], f"worst {_number(growth[worst])} × ({worst}); {over} of {len(growth)} are over",
               growth[worst] <= 1.5)
    if "cold" in results:
        cold = results["cold"]
        more = median(cold["first"]) - median(cold["warm"])
        target("first request of a fresh instance ≤ 3 ms over a warm one", more, f"{_number(more)} ms", more <= 3)
        start = median(cold["with_cache"])
        target("host start to first answer < 50 ms with precompiled artifacts", start, f"{_number(start)} ms", start < 50)
    name, size = max(results["sizes"].items(), key=lambda pair: pair[1])
    target("no component over 1.5 MB", size, f"largest {size / 1e6:.2f} MB ({name})", size <= 1.5e6)
    if "memory" in results:
        memory = results["memory"]
        reads = memory["reads"]
        target("host < 150 MB resident at 64 connections of reads", reads, f"{_number(reads)} MB", reads < 150)
        *_, before, last = memory["sign_ins"]
        # Instances keep what they took: bounded is what a further wave adds nothing to.
        target(f"… and bounded while {plan['sign_ins']} sign-ins hash", last,
               ", ".join(f"{_number(peak)} MB" for peak in memory["sign_ins"]) + ", wave by wave", last <= 1.1 * before)
    return "## Targets\n\n" + _table(["target", "reached", ""], rows, 3)


def _peers(results: dict, plots: Path) -> str:
    peers = results["peers"]
    text = ["## Beside others", """`GET` of an account by id, on the store of the smallest directory. The twin is the same read with axum and rusqlite and
without WebAssembly, on a copy of the same store, with the same token. FastAPI and SQLAlchemy run as one process for each
processor, and so does better-auth; both remember what they have verified as Accord does (better-auth keeps sessions in
its store). All have WAL and `synchronous = FULL`."""]
    for name, rows in peers["rounds"].items():
        base = rows[0]
        table = []
        for row in rows:
            for connections, rounds in row["rounds"].items():
                rates = _of(rounds, "rate")
                ratio = median(_ratios(_of(base["rounds"][connections], "rate"), rates))
                costs = median(_ratios(_of(rounds, "cpu"), _of(base["rounds"][connections], "cpu")))
                table.append([
                    row["server"], row["what"], connections, _with_spread(rates), _number(median(_of(rounds, "p50"))),
                    _number(median(_of(rounds, "p99"))), _number(median(_of(rounds, "cpu"))),
                    "" if row is base else f"{_number(ratio)} ×", "" if row is base else f"{_number(costs)} ×"])
        title = "Read an account" if name == "read" else name[0].upper() + name[1:]
        head = ["server", "what", "connections", "requests/s", "p50 ms", "p99 ms", "CPU µs/request",
                "Accord is faster by", "its CPU over Accord's"]
        text.append(f"### {title}\n\n{_table(head, table, 2)}")
    rows = peers["rounds"]["read"]
    text.insert(2, _rates(rows, plots))
    resident = [[name, _number(megabytes)] for name, megabytes in peers["resident"].items()]
    text.append("Resident after all of this, in MB:\n\n" + _table(["server", "MB"], resident))
    return "\n\n".join(text)


def _rates(rows: list[dict], plots: Path) -> str:
    names = [row["server"] + (", other tokens" if "another" in row["what"] else "") for row in rows]
    rates = [_of(row["rounds"][CONNECTIONS], "rate") for row in rows]
    figure, axes = plt.subplots(figsize=(8, 0.45 * len(rows) + 1))
    values = [median(rate) for rate in rates]
    errors = [[value - min(rate) for value, rate in zip(values, rates)], [max(rate) - value for value, rate in zip(values, rates)]]
    colors = ["#2a6fdb" if name.startswith("Accord") else "#9aa5b1" for name in names]
    axes.barh(names, values, xerr=errors, color=colors, ecolor="#444444")
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel(f"requests/s at {CONNECTIONS} connections (logarithmic)")
    return _save(figure, plots, "peers.svg")


def _work(results: dict, plots: Path) -> str:
    work, plan = results["work"], results["plan"]
    growth = _growth(results)
    table = []
    for name, sizes in work["operations"].items():
        for size, by_connections in sizes.items():
            for connections, rounds in by_connections.items():
                ratio = ""
                if connections == "1" and size == str(plan["sizes"][-1]):
                    ratio = f"{_number(median(growth[name]))} ×"
                table.append([
                    name, f"{int(size):,}", connections, _with_spread(_of(rounds, "rate")),
                    _number(median(_of(rounds, "p50"))), _number(median(_of(rounds, "p99"))),
                    _number(median(_of(rounds, "cpu"))), ratio])
    head = ["operation", "accounts", "connections", "requests/s", "p50 ms", "p99 ms", "CPU µs/request", "p50 over smallest"]
    resident = ", ".join(f"{_number(megabytes)} MB at {int(size):,}" for size, megabytes in work["resident"].items())
    return f"""## Work and growth

The operator sees every account, a reseller itself and 50 customers. There is a user, a membership and an identity of each
for every account. What makes rows is measured on a directory that is made anew before each round, but for the largest.
An operation that takes longer than 0.2 s is measured at one connection, twice a round. After all of it the host has
{resident} resident.

{_curves(results, plots)}

{_table(head, table, 1)}"""


def _curves(results: dict, plots: Path) -> str:
    figure, axes = plt.subplots(figsize=(8, 5))
    for at, (name, sizes) in enumerate(results["work"]["operations"].items()):
        points = [(int(size), median(_of(rounds["1"], "p50"))) for size, rounds in sizes.items()]
        axes.plot(*zip(*points), marker="o", linestyle=("-", "--")[at // 10], label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("accounts")
    axes.set_ylabel("p50 in ms at one connection")
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return _save(figure, plots, "growth.svg")


def _bulk(results: dict, _plots: Path) -> str:
    count = results["plan"]["bulk"]
    table = [
        [f"{int(size):,}", *(_with_spread(seen[name]) for name in ("new", "again", "raw")),
         f"{_number(median(_ratios(seen['raw'], seen['new'])))} ×"]
        for size, seen in results["bulk"].items()
    ]
    head = ["accounts", "new, ms", "the same again, ms", "raw SQLite, ms", "speed of new over raw"]
    return f"""## A portal PATCH of {count:,} accounts

Raw SQLite is the same rows (accounts, identities and audit) in the same store in one transaction, by prepared statements
from a native program that has made all values before: no JSON, no check, no HTTP.

{_table(head, table)}"""


def _cold(results: dict, _plots: Path) -> str:
    cold = results["cold"]
    table = [
        ["host start to first answer, components compiled", _with_spread(cold["with_cache"])],
        ["host start to first answer, nothing compiled", _with_spread(cold["without_cache"])],
        ["a request to a warm instance", _with_spread(cold["warm"])],
        ["the first request of an instance", _with_spread(cold["first"])],
        ["a list by HTTP Basic, first round of 200", f"{cold['basic'][0]:.2f}"],
        ["a list by HTTP Basic, the rounds after it", _with_spread(cold["basic"][1:])],
        ["a list by token", _with_spread(cold["bearer"])],
    ]
    return f"""## Cold

The first answer is of the component `oauth`, from a store that is there. An instance serves {INSTANCE_REQUESTS:,} requests, so of
requests one after another every such is the first of an instance: it opens a connection and checks the token's signature.
A warm request is the same `GET` by id. The list is of a reseller's 50 customers, 200 times one after another: the
administration API's by HTTP Basic, of which the first round has to hash the password, and the accounts API's by token.

{_table(["", "ms"], table)}"""


def _memory(results: dict, _plots: Path) -> str:
    memory = results["memory"]
    table = [
        ["host started", _number(memory["started"])],
        ["peak at 64 connections of reads", _number(memory["reads"])],
        ["after them", _number(memory["after_reads"])],
        *([f"peak while {results['plan']['sign_ins']} sign-ins hash, wave {number}", _number(peak)]
          for number, peak in enumerate(memory["sign_ins"], 1)),
    ]
    return f"""## Memory

A sign-in hashes with Argon2id, which takes 7 MiB in the instance that does it.

{_table(["resident", "MB"], table)}"""


def _sizes(results: dict) -> str:
    table = [[name, f"{size / 1e6:.3f}"] for name, size in results["sizes"].items()]
    return f"## Size of each component\n\n{_table(['component', 'MB'], table)}"
