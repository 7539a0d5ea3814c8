"""Figures of what the sections saw. Any list may be empty: not everything is measured at all sizes and connections, and a round in
which nothing was answered is not kept."""

from statistics import median

from driver import text

# The connections at which ratios are told where one number has to do.
CONNECTIONS = "16"


def of(rounds: dict, connections: str, key: str) -> list[float]:
    """What the rounds of as many connections saw."""
    return [one[key] for one in rounds.get(connections, [])]


def row(rows: list[dict], server: str, what: str | None = None) -> dict | None:
    """What a server did of what is named, or the first that it did."""
    return next((one for one in rows if one["server"] == server and what in (None, one["what"])), None)


def faster(results: dict, kind: str, server: str, what: str | None = None, by: str | None = None) -> list[float]:
    """How many times as many requests of a kind Accord answers as another does, round by round. `what` names those of both if
    there are several, and `by` Accord's if they have another name."""
    rows = results.get("peers", {}).get("rounds", {}).get(kind, [])
    accord, other = row(rows, "Accord", by or what), row(rows, server, what)
    if accord is None or other is None:
        return []
    return text.ratios(of(accord["rounds"], CONNECTIONS, "rate"), of(other["rounds"], CONNECTIONS, "rate"))


def growth(results: dict) -> dict[str, list[float]]:
    """Of each operation the p50 at the largest directory over that at the smallest, round by round."""
    small, large = (str(results["plan"]["sizes"][at]) for at in (0, -1))
    return {
        name: text.ratios(of(sizes.get(large, {}), "1", "p50"), of(sizes.get(small, {}), "1", "p50"))
        for name, sizes in results.get("work", {}).get("operations", {}).items()
    }


def growths(results: dict) -> dict[str, float]:
    """The medians of these, of what was measured at both."""
    return {name: median(ratios) for name, ratios in growth(results).items() if ratios}


def worst(growths: dict[str, float], most: float) -> str:
    """What grows the most, told, and how much grows by more than `most`."""
    name = max(growths, key=growths.get)
    over = sum(value > most for value in growths.values())
    return f"worst {text.number(growths[name])} × ({name}); {over} of {len(growths)} are over"


def bulk(results: dict) -> dict[str, list[float]]:
    """Of each size the speed of a portal PATCH of many new accounts over raw SQLite, round by round."""
    return {size: text.ratios(seen["raw"], seen["new"]) for size, seen in results.get("bulk", {}).items()}


def tails(results: dict) -> list[float]:
    """The p99 of reads beside writes over that of reads alone, round by round."""
    seen = results.get("mixed", {"alone": [], "beside": []})
    return text.ratios([one["p99"] for one in seen["beside"]], [one["p99"] for one in seen["alone"]])


def resident(results: dict) -> dict[str, float]:
    """What the host had resident after all that a part does, in MB."""
    after = {f"after the operations at {int(size):,}": megabytes
             for size, megabytes in results.get("work", {}).get("resident", {}).items()}
    if "peers" in results:
        after["beside others"] = results["peers"]["resident"]["Accord"]
    return after
