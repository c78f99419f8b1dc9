"""Results of inputs as lines of text."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from asda.files import printable

# What a model gives for a stretch of audio, as a line of JSON holds it:
# {"file": str, "utterance": str (of a data directory only), "start": seconds, "end": seconds,
#  ..., "model": digest}
Row = dict[str, Any]

WIDEST_NAME = 48  # characters of a name on the terminal


@dataclass(frozen=True)
class RowFormat:
    """How rows become lines of text.

    Args:
        lines: returns the lines of the rows of one input
        header: first line of a file; empty = none
        suffix: of a file with the rows of one input; empty = one file holds those of all inputs
        order: the inputs of a file are sorted by this of their first row; None = as they were given
    """

    lines: Callable[[Sequence[Row]], list[str]]
    header: str = ""
    suffix: str = ""
    order: Callable[[Row], str] | None = None


def name_column(names: Sequence[str]) -> Callable[[Row], str]:
    """Return what writes the name of a row's input in a column of the terminal.

    Args:
        names: of all inputs, which give the width of the column
    """
    width = min(WIDEST_NAME, max((len(printable(name)) for name in names), default=0))
    return lambda row: f"{_shortened(printable(name_of(row)), width):<{width}}"


def name_of(row: Row) -> str:
    """Return the utterance or file of a row."""
    return str(row.get("utterance") or row["file"])


def json_lines(rows: Sequence[Row]) -> list[str]:
    """Return a JSON object for each row."""
    return [json.dumps(row, ensure_ascii=False) for row in rows]


def _shortened(name: str, width: int) -> str:
    """Return the end of a name, which tells files of one folder apart."""
    return name if len(name) <= width else f"…{name[1 - width :]}"
