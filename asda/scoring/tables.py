"""Numbers and tables, in Markdown for the terminal and for a README, and tab-separated."""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asda.files import write_lines
from asda.scoring.intervals import Interval
from asda.scoring.measurable import Metric

NARROWEST = 12  # characters that a shortened cell keeps
_SPACES = str.maketrans("\t\n\r", "   ")


@dataclass
class Table:
    """A table of the terminal: Markdown that fits its width, or tab-separated values.

    Args:
        header: titles of the columns
        rows: cells of each row
        note: a line below the table
        optional: columns that are left out on a narrow terminal, in this order
    """

    header: Sequence[str]
    rows: Sequence[Sequence[Any]]
    note: str = ""
    optional: Sequence[str] = ()

    def tsv(self) -> str:
        """Return all columns as tab-separated values with a header."""
        return "\n".join(map(tsv_line, (self.header, *self.rows)))

    def for_terminal(self) -> str:
        """Return a Markdown table that fits the terminal, if standard output is one."""
        return self.markdown(shutil.get_terminal_size().columns if sys.stdout.isatty() else 0)

    def markdown(self, width: int = 0) -> str:
        """Return a Markdown table of at most `width` characters, followed by the note.

        Args:
            width: of the terminal; 0 = any width
        """
        shown, left_out = list(range(len(self.header))), []
        for title in self.optional:
            if not width or self._width(shown) <= width:
                break
            shown.remove(self.header.index(title))
            left_out.append(title)
        excess = self._width(shown) - width if width else 0
        widest = first = self._widest(0)
        blocks = [shown]
        if excess > 0 and first - excess >= NARROWEST:
            first -= excess
        elif excess > 0:
            blocks = self._blocks(shown, width)
        notes = [self.note] if self.note else []
        if left_out or first < widest:
            notes.append(_shortened(left_out, width))
        return "\n\n".join([*(self._block(block, first) for block in blocks), *notes])

    def _widest(self, column: int) -> int:
        return max(len(_escaped(row[column])) for row in (self.header, *self.rows))

    def _width(self, columns: Sequence[int]) -> int:
        return sum(self._widest(column) + 3 for column in columns) + 1

    def _blocks(self, columns: Sequence[int], width: int) -> list[list[int]]:
        """Divide columns over several tables; each begins with the first column."""
        first, *others = columns
        blocks = [[first]]
        for column in others:
            if len(blocks[-1]) > 1 and self._width([*blocks[-1], column]) > width:
                blocks.append([first])
            blocks[-1].append(column)
        return blocks

    def _block(self, columns: Sequence[int], first: int) -> str:
        header, *rows = [[row[column] for column in columns] for row in (self.header, *self.rows)]
        shown = [[shorten_middle(str(name), first), *cells] for name, *cells in rows]
        return markdown_table(header, shown)


def _shortened(left_out: Sequence[str], width: int) -> str:
    """Return a line that says what a terminal of this width does not show."""
    what = f"without {', '.join(left_out)}" if left_out else "with shortened names"
    return f"(at {width} columns {what}; --tsv prints all)"


def shorten_middle(text: str, width: int) -> str:
    """Return a text of at most `width` characters: its beginning and its end."""
    if len(text) <= width:
        return text
    tail = (width - 1) // 2
    return f"{text[: width - 1 - tail]}…{text[len(text) - tail :]}"


def _escaped(cell: Any) -> str:
    return str(cell).replace("|", "\\|")


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return an aligned Markdown table."""
    lines = [[_escaped(cell) for cell in row] for row in (header, *rows)]
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


def validation_result(result: Mapping[str, Any], metric: str) -> str:
    """Return the validation result of a result.json, a dash if there is none.

    Args:
        result: its content
        metric: the metric of the test result; any other is named in the text
    """
    found = result.get("validation") or {}
    if found.get("value") is None:
        return "–"
    name, value = found["metric"], found["value"]
    if name not in result["metric_info"]:
        return f"{name} {value:.4g}"
    info = Metric(**result["metric_info"][name])
    return f"{'' if name == metric else info.title + ' '}{number(info, value)}"


def clips_counted(clips: Mapping[str, int | None]) -> str:
    """Return the number of scored clips, and the number of expected ones if some are missing."""
    found, expected = clips["found"], clips["expected"]
    return str(found) if expected in (None, found) else f"{found} of {expected}"


def tsv_line(cells: Iterable[Any]) -> str:
    """Return a line of tab-separated values; None is empty, and tabs and line breaks are spaces."""
    return "\t".join("" if cell is None else str(cell).translate(_SPACES) for cell in cells)


def write_tsv(path: Path, header: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write tab-separated values with a header, each row as `tsv_line` returns it."""
    write_lines(path, map(tsv_line, (header, *rows)))
