"""Where the matrices of large dumps lie: archive and offset of many lines of feats.scp at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from asda.corpus.line_blocks import LINE_END
from asda.corpus.packed_names import WIDEST, PackedNames, extent, padded_parts, spans
from asda.corpus.packed_table import PackedTable
from asda.features.archive import location_of

COLON, ZERO = ord(":"), ord("0")
MOST_DIGITS = 18  # that always fit into int64
LARGEST = 2**63 - 1


class ArchivePlaces:
    """Archive and offset of lines of feats.scp, as of `location_of`.

    Args:
        table: feats.scp
        rows: lines, (rows,) int64; best in the order of the table

    Attributes:
        paths: paths of archives; None stands for specifiers of another form
        archives: index in `paths` of the archive of each line, (rows,) int64
        offsets: position of each matrix in its archive, (rows,) int64
    """

    def __init__(self, table: PackedTable, rows: np.ndarray):
        self._table = table
        self._numbers: dict[str | None, int] = {}
        self.archives = np.empty(len(rows), np.int64)
        self.offsets = np.empty(len(rows), np.int64)
        for first, last in spans(len(rows)):
            part = slice(first, last)
            self._fill(self.archives[part], self.offsets[part], rows[part])
        self.paths = list(self._numbers)

    def _fill(self, archives: np.ndarray, offsets: np.ndarray, rows: np.ndarray) -> None:
        usual = np.zeros(len(rows), bool)
        if lines := extent(rows):
            found = _usual_lines(self._table.names, *lines)
            paths, offsets[:], usual = (column[rows - lines[0]] for column in found)
            archives[usual] = self._numbered(paths[usual])
        for place in np.flatnonzero(~usual):
            path, offset = location_of(self._table.value(int(rows[place])))
            archives[place], offsets[place] = self._number(path), min(offset, LARGEST)

    def _numbered(self, paths: np.ndarray) -> np.ndarray:
        """Return the number of each path; neighbours are mostly the same."""
        heads = np.append(True, paths[1:] != paths[:-1])[: len(paths)]
        numbers = [self._number(path.decode()) for path in paths[heads].tolist()]
        return np.array(numbers, np.int64)[np.cumsum(heads) - 1]

    def _number(self, path: str | None) -> int:
        return self._numbers.setdefault(path, len(self._numbers))


class _Lines(NamedTuple):
    """Lines of feats.scp: path (bytes of one width), offset, whether both are valid; (lines,)."""

    paths: np.ndarray
    offsets: np.ndarray
    usual: np.ndarray


def _usual_lines(names: PackedNames, first: int, last: int) -> _Lines:
    """Divide lines at their last colon, if only digits follow it."""
    begin = names.starts[first]
    text = bytes(names.text[begin : names.starts[last]])
    edges = np.frombuffer(names.starts, np.int64)[first : last + 1] - begin
    values = edges[:-1] + np.frombuffer(names.lengths, np.uint32)[first:last] + 1
    ends = edges[1:] - 1
    codes = np.frombuffer(text, np.uint8)
    marks = np.flatnonzero((codes == COLON) | (codes == LINE_END))
    colons = np.append(-1, marks)[np.searchsorted(marks, ends)]
    digits, widths = ends - colons - 1, colons - values
    usual = (widths > 0) & (widths <= WIDEST) & (digits > 0) & (digits <= MOST_DIGITS)
    usual &= b"\0" not in text
    offsets, all_digits = _integers(text, ends, np.where(usual, digits, 0))
    usual &= all_digits
    return _Lines(padded_parts(text, values, np.where(usual, widths, 0)), offsets, usual)


def _integers(text: bytes, ends: np.ndarray, digits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers in a text, (numbers,) int64, and whether each has digits only, bool.

    Args:
        text: bytes that hold the numbers in decimal digits
        ends: where each number ends, (numbers,) int64
        digits: bytes of each number, up to 18, (numbers,) int64
    """
    most = max(1, int(digits.max(initial=0)))
    codes = np.frombuffer(bytes(most) + text, np.uint8)
    found = np.lib.stride_tricks.sliding_window_view(codes, most)[ends] - np.uint8(ZERO)
    found[np.arange(most) < (most - digits)[:, None]] = 0
    powers = 10 ** np.arange(most - 1, -1, -1, dtype=np.int64)
    return found @ powers, (found <= 9).all(axis=1)
