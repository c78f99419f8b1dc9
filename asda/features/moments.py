"""Count, sum and sum of squares of features, which give their mean and standard deviation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asda.corpus.datadir import DataDir, read_table
from asda.corpus.packed_names import extent, spans
from asda.corpus.packed_table import PackedTable
from asda.files import InputError


@dataclass(frozen=True)
class Moments:
    """Moments of a set of values; those of several utterances add up.

    Args:
        count: number of values
        total: their sum
        total_of_squares: sum of their squares
    """

    count: int
    total: float
    total_of_squares: float

    @classmethod
    def of(cls, matrix: np.ndarray) -> Moments:
        """Return the moments of all values of an array, summed in float64."""
        values = matrix.astype(np.float64).ravel()
        # Not `values @ values`: its last bits depend on the number of threads, which also wait for
        # each other when several threads or jobs compute moments.
        return cls(values.size, float(values.sum()), float(np.square(values).sum()))

    @classmethod
    def parse(cls, text: str) -> Moments:
        """Return the moments that a text stands for, in the form in which `str` writes them.

        Raises:
            ValueError: if the text is not three finite numbers, or the count is below 1.
        """
        count, total, squares = text.split()
        moments = cls(int(count), float(total), float(squares))
        if moments.count < 1 or not math.isfinite(moments.total + moments.total_of_squares):
            raise ValueError(f"not moments: {text}")
        return moments

    def __add__(self, other: Moments) -> Moments:
        return Moments(
            self.count + other.count,
            self.total + other.total,
            self.total_of_squares + other.total_of_squares,
        )

    @property
    def mean(self) -> float:
        """Mean of the values; the count must not be 0."""
        return self.total / self.count

    @property
    def std(self) -> float:
        """Population standard deviation."""
        return max(0.0, self.total_of_squares / self.count - self.mean**2) ** 0.5

    def __str__(self) -> str:
        return f"{self.count} {self.total:.17g} {self.total_of_squares:.17g}"


def read_moments(path: str | Path) -> dict[str, Moments]:
    """Read lines `utterance count sum sum_of_squares`.

    Raises:
        InputError: if the file is missing or a line has another form.
    """
    return {key: parsed_moments(Path(path), key, text) for key, text in read_table(path).items()}


def summed_moments(path: Path, table: PackedTable, rows: np.ndarray) -> Moments:
    """Return the sum of the moments in lines of a table, added in the order of `rows`.

    Args:
        path: path of the table, for messages
        table: the table
        rows: lines, (rows,) int64; best in the order of the table

    Raises:
        InputError: naming the line, if one has another form.
    """
    total = Moments(0, 0.0, 0.0)
    for first, last in spans(len(rows)):
        part = rows[first:last]
        try:
            total = _added(total, table, part)
        except ValueError:  # this also says which line is wrong
            each = (parsed_moments(path, table.names[row], table.value(row)) for row in part)
            total = sum(each, total)
    return total


def _added(total: Moments, table: PackedTable, rows: np.ndarray) -> Moments:
    """Return moments to which those in lines of a table are added, each in turn.

    Raises:
        ValueError: if a line has another form, or the lines lie too far apart to read all between.
    """
    lines = extent(rows)
    fields = table.fields(*lines, 4) if lines else None
    if lines is None or fields is None:
        raise ValueError("not moments in every line")
    places = (rows - lines[0]) * 4
    count, added, squared = (
        [fields[place] for place in (places + column).tolist()] for column in (1, 2, 3)
    )
    counts = [*map(int, count)]
    totals = [total.total, *map(float, added)]
    squares = [total.total_of_squares, *map(float, squared)]
    if min(counts) < 1 or not np.isfinite(np.add(totals, squares)).all():
        raise ValueError("not moments in every line")
    # Not np.sum, which adds in another order, and so rounds otherwise.
    sums = [float(np.add.accumulate(values)[-1]) for values in (totals, squares)]
    return Moments(total.count + sum(counts), *sums)


def parsed_moments(path: Path, utterance: str, text: str) -> Moments:
    """Return the moments of a line of a table.

    Raises:
        InputError: naming the line, if it has another form.
    """
    try:
        return Moments.parse(text)
    except ValueError:
        raise InputError(
            f"{DataDir(path.parent).where(path.name, utterance)}: expected "
            f"'utterance count sum sum_of_squares' with finite numbers, found "
            f"'{utterance} {text}'"
        ) from None
