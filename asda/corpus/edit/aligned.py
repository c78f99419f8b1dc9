"""Tables for the terminal: aligned columns, cut to what a person reads at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

NUMBER = re.compile(r"~?[\d,.]+( (s|min|h))?|-")


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield each row as a line of columns; numbers and the titles above them end together."""
    widths: dict[int, int] = {}
    numeric: dict[int, bool] = {}
    for row in rows:
        for column, cell in enumerate(row):
            widths[column] = max(widths.get(column, 0), len(cell))
    for row in rows[1:]:
        for column, cell in enumerate(row):
            is_number = not cell or NUMBER.fullmatch(cell) is not None
            numeric[column] = numeric.get(column, True) and is_number
    for row in rows:
        cells = (
            cell.rjust(widths[column]) if numeric.get(column) else cell.ljust(widths[column])
            for column, cell in enumerate(row)
        )
        yield "  ".join(cells).rstrip()


def cut_middle(rows: Sequence[list[str]], most: int, what: str) -> list[list[str]]:
    """Return at most about `most` rows: the first and last ones, and how many are between them."""
    if len(rows) <= most:
        return list(rows)
    half = most // 2
    return [*rows[:half], [f"... {len(rows) - 2 * half} {what} ..."], *rows[-half:]]


def shorten(text: str, width: int) -> str:
    """Return the text, cut with dots if it is longer than `width`."""
    return text if len(text) <= width else f"{text[: width - 3]}..."


def percentages(counts: Mapping[str, int], most: int = 6) -> str:
    """Return values with their fractions, the most frequent first: "wav 58 %, ogg 42 %"."""
    total = sum(counts.values())
    ordered = sorted(counts, key=lambda value: (-counts[value], value))
    shown = [f"{value} {percent(counts[value] / total)}" for value in ordered[:most]]
    return ", ".join([*shown, *([f"{len(ordered) - most} more"] if ordered[most:] else [])])


def percent(fraction: float) -> str:
    """Return a fraction in percent; 0 % and 100 % mean none and all."""
    text = f"{100 * fraction:.0f}"
    if text == "0" and fraction:
        text = "<1"
    elif text == "100" and fraction < 1:
        text = ">99"
    return f"{text} %"


def readable_rates(counts: Mapping[int, int]) -> str:
    """Return sample rates in kHz, the most frequent first: "8, 44.1 kHz"."""
    known = sorted((rate for rate in counts if rate), key=lambda rate: (-counts[rate], rate))
    shown = [f"{rate / 1000:g}" for rate in known[:4]] + (["..."] if known[4:] else [])
    return f"{', '.join(shown)} kHz" if known else ""
