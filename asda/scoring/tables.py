"""Numbers and tables in Markdown, for the terminal and for a README."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from asda.scoring.intervals import Interval
from asda.scoring.measurable import Metric


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return an aligned Markdown table."""
    lines = [[str(cell).replace("|", "\\|") for cell in row] for row in (header, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "| "
        + " | ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    )


def number(metric: Metric, value: float | None, signed: bool = False) -> str:
    """Return a value of a metric as it is printed, a dash where it is undefined."""
    if value is None or math.isnan(value):
        return "–"
    return f"{metric.factor * value:{'+' if signed else ''}.{metric.digits}f}"


def with_interval(metric: Metric, found: Mapping[str, float | None], signed: bool = False) -> str:
    """Return "value [low, high]" of a metric as stored in result.json."""
    value, low, high = (number(metric, found[key], signed) for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def with_std(metric: Metric, over_runs: Mapping[str, float | None]) -> str:
    """Return "mean ± standard deviation" of a metric over runs, as mean_and_std returns them."""
    return f"{number(metric, over_runs['mean'])} ± {number(metric, over_runs['std'])}"


def difference(metric: Metric, interval: Interval) -> str:
    """Return "+value [low, high]" of a difference, with a star if the interval excludes 0."""
    clear = interval.low > 0 or interval.high < 0
    return with_interval(metric, interval._asdict(), signed=True) + (" *" if clear else "")


def clips_counted(clips: Mapping[str, int | None]) -> str:
    """Return the number of scored clips, and the number of expected ones if some are missing."""
    found, expected = clips["found"], clips["expected"]
    return str(found) if expected in (None, found) else f"{found} of {expected}"
