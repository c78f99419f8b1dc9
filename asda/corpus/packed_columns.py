"""What the lines of large tables hold, many lines at once: names, numbers, a digest of all."""

from __future__ import annotations

import hashlib
import itertools
from contextlib import suppress

import numpy as np

from asda.corpus.datadir import DataDir
from asda.corpus.packed_names import PackedNames, spans
from asda.corpus.packed_table import PackedTable, read_packed
from asda.digests import DIGITS
from asda.files import InputError


def packed_utterances(directory: DataDir) -> PackedNames:
    """Return the `utterances` of a data directory in little memory, with no text between them.

    Raises:
        InputError: if the table is missing or damaged, or lists no utterance.
    """
    path = directory.path / directory.utterance_list
    names = read_packed(path).names
    if not len(names):
        raise InputError(f"{path}: empty; it must list at least one clip")
    if names.increasing:
        return names.chosen(np.ones(len(names), bool))
    return PackedNames(sorted(names))


def packed_numbers(
    directory: DataDir, name: str, table: PackedTable, rows: np.ndarray
) -> np.ndarray:
    """Return the finite numbers in lines of a table, (rows,) float64.

    Args:
        directory: where the table lies
        name: that of the table
        table: the table
        rows: lines, (rows,) int64

    Raises:
        InputError: naming the line, if it holds none.
    """
    every = np.full(len(table), np.nan)
    for first, last in spans(len(table)):
        fields = table.fields(first, last, 2)
        with suppress(ValueError):  # such lines are read one by one, which says what is wrong
            every[first:last] = [*map(float, fields[1::2])] if fields else np.nan
    numbers: np.ndarray = every[rows]
    for place in np.flatnonzero(~np.isfinite(numbers)):
        row = int(rows[place])
        numbers[place] = directory.number(name, table.names[row], table.value(row))
    return numbers


def packed_digest(names: PackedNames, table: PackedTable | None) -> str:
    """Return the `table_digest` of names and a table.

    Args:
        names: with no text between them, as of `packed_utterances`
        table: None = none of them has a value
    """
    sha = hashlib.sha256()
    if table is not None:
        _add_lines(sha, names, table)
    else:
        for first, last in spans(len(names)):
            sha.update(_without_values(names, first, last))
    return sha.hexdigest()[:DIGITS]


def _add_lines(sha: hashlib._Hash, names: PackedNames, table: PackedTable) -> None:
    rows = table.rows(names)
    apart = (np.diff(rows) != 1) | (rows[:-1] < 0)
    edges = [0, *(np.flatnonzero(apart) + 1).tolist(), len(rows)]
    for first, last in itertools.pairwise(edges if len(rows) else ()):
        if (row := int(rows[first])) < 0:
            sha.update(_without_values(names, first, last))
        else:
            starts = table.names.starts
            sha.update(memoryview(table.names.text)[starts[row] : starts[row + last - first]])


def _without_values(names: PackedNames, first: int, last: int) -> bytes:
    text = names.text[names.starts[first] : names.starts[last]]
    return bytes(text.replace(b"\n", b" \n"))
