"""Figures as text. Any list may be empty, of what was not measured: its figure is a dash."""

import statistics

NOTHING = "–"


def number(value: float) -> str:
    """Three digits that count."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def median(values: list[float]) -> str:
    return number(statistics.median(values)) if values else NOTHING


def with_spread(values: list[float]) -> str:
    """The median, and the half of the range as a share of it where there is more than one value."""
    if len(values) < 2:
        return median(values)
    spread = (max(values) - min(values)) / 2 / (statistics.median(values) or 1)
    return f"{median(values)} ± {spread * 100:.0f} %"


def times(ratios: list[float]) -> str:
    """The median of ratios."""
    return f"{median(ratios)} ×" if ratios else NOTHING


def ratios(over: list[float], under: list[float]) -> list[float]:
    """Of each round its own ratio: what disturbs a round disturbs both. Where rounds are missing, that of the medians."""
    if len(over) != len(under):
        over, under = ([statistics.median(values)] if values else [] for values in (over, under))
    return [a / b for a, b in zip(over, under) if b]


def table(head: list[str], rows: list[list], text_columns: int = 1, aligned: bool = False) -> str:
    """A table of Markdown; `aligned` for those who read it as it is."""
    lines = [head, ["---"] * text_columns + ["---:"] * (len(head) - text_columns), *rows]
    lines = [[str(cell) for cell in line] for line in lines]
    if aligned:
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        lines = [
            [cell.ljust(width) if at < text_columns else cell.rjust(width)
             for at, (cell, width) in enumerate(zip(line, widths, strict=True))]
            for line in lines
        ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
