"""Tables of millions of lines in little memory that stays shared with forked processes.

In a dict of strings a line takes some 250 bytes, and a forked process, such as a loader worker,
copies the memory of each string that it looks at, because looking changes the string's count of
references. Here a line takes its own bytes and 12 more, in a few large blocks that nobody changes.
"""

from __future__ import annotations

import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from asda.corpus.datadir import may_be_empty, naming_first_fault
from asda.corpus.line_blocks import LINE_END, SPACE, line_blocks
from asda.corpus.packed_names import PackedNames, spans
from asda.files import InputError

APART = 64  # lines from one landmark to the next
FEW = 64  # lines for each name that is looked for, above which names are looked up one by one


class PackedTable(Mapping[str, str]):
    """Key -> rest of the line, in the order of the lines.

    Looking up keys in the order of the lines, or one of them several times, takes a microsecond;
    otherwise it takes a few.

    Args:
        path: the table
        values: whether each key must have a value; otherwise it may be empty

    Attributes:
        names: the keys

    Raises:
        InputError: as `read_table`.
    """

    def __init__(self, path: Path, values: bool = True):
        self.names = PackedNames()
        for block in line_blocks(path, values):
            self.names.add_text(*block)
        self._last = 0  # row of the key that was found last
        # Tables that are sorted need no more of an index than every so many keys.
        self._hashes, self._rows = array("I"), array("I")
        self._landmarks: list[bytes] = []
        if self.names.increasing:
            self._landmarks += map(self.names.encoded, range(0, len(self), APART))
        else:
            self._index()
            self._refuse_repeated(path)

    def _index(self) -> None:
        rows = range(len(self))
        unsorted = np.fromiter((_hash(self.names.encoded(row)) for row in rows), np.uint32)
        order = np.argsort(unsorted, kind="stable")
        self._hashes = array("I", unsorted[order].tobytes())
        self._rows = array("I", order.astype(np.uint32).tobytes())

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __contains__(self, key: object) -> bool:
        return self._row_or_none(str(key)) >= 0

    def __getitem__(self, key: str) -> str:
        return self.value(self.row(key))

    def value(self, row: int) -> str:
        """Return the value in a line, counted from 0."""
        names = self.names
        begin = names.starts[row] + names.lengths[row] + 1
        return names.text[begin : names.starts[row + 1] - 1].decode()

    def row(self, key: str) -> int:
        """Return the number of the line of a key, from 0.

        Raises:
            KeyError: if there is none.
        """
        beginning = f"{key} ".encode()
        for row in (self._last, self._last + 1):
            if self._begins(row, beginning):
                break
        else:
            row = self._search(key, beginning)
        self._last = row
        return row

    def _begins(self, row: int, beginning: bytes) -> bool:
        names = self.names
        return (
            row < len(names)
            and names.lengths[row] == len(beginning) - 1
            and names.text.startswith(beginning, names.starts[row])
        )

    def _search(self, key: str, beginning: bytes) -> int:
        if not self._rows:
            return self._search_sorted(key, beginning)
        wanted = _hash(beginning[:-1])
        place = bisect_left(self._hashes, wanted)
        while place < len(self._hashes) and self._hashes[place] == wanted:
            if self._begins(self._rows[place], beginning):
                return self._rows[place]
            place += 1
        raise KeyError(key)

    def _search_sorted(self, key: str, beginning: bytes) -> int:
        """Find a key by the landmark before it, and by its bytes in the lines up to the next."""
        first = APART * (bisect_right(self._landmarks, beginning[:-1]) - 1)
        if first >= 0:
            if self._begins(first, beginning):
                return first
            starts = self.names.starts
            end = starts[min(first + APART, len(self))]
            place = self.names.text.find(b"\n" + beginning, starts[first], end)
            if place >= 0 and self._begins(row := bisect_left(starts, place + 1), beginning):
                return row
        raise KeyError(key)

    def _refuse_repeated(self, path: Path) -> None:
        places = np.flatnonzero(np.diff(np.frombuffer(self._hashes, np.uint32)) == 0)
        for row in sorted(self._rows[place + 1] for place in places):
            key = self.names[row]
            if self._search(key, f"{key} ".encode()) != row:  # it finds the first of equal ones
                raise InputError(f"{path}:{row + 1}: duplicate key '{key}'; remove one line")

    def rows(self, names: Sequence[str]) -> np.ndarray:
        """Return the number of the line of each name, -1 for those without, (names,) int64."""
        if names is self.names:
            return np.arange(len(names))
        if isinstance(names, PackedNames) and self._is_merged(names):
            return self._merged(names)
        return np.fromiter(map(self._row_or_none, names), np.int64, len(names))

    def _is_merged(self, names: PackedNames) -> bool:
        return len(self) < FEW * len(names) and names.increasing and self.names.increasing

    def _row_or_none(self, key: str) -> int:
        try:
            return self.row(key)
        except KeyError:
            return -1

    def _merged(self, names: PackedNames) -> np.ndarray:
        """Return `rows` of names that are sorted, as the keys are."""
        found = np.full(len(names), -1)
        end = 0  # names that come before the lines that are looked at
        for first, last in spans(len(self)):
            begin, end = end, bisect_left(names, self.names[last - 1], lo=end)
            if end < len(names) and names[end] == self.names[last - 1]:
                end += 1
            keys = self.names.padded(first, last)
            for one in range(begin, end, last - first):
                wanted = names.padded(one, min(one + last - first, end))
                places = np.searchsorted(keys, wanted)
                hit = keys[places] == wanted
                found[one : one + len(wanted)][hit] = first + places[hit]
        return found

    def fields(self, first: int, last: int, count: int) -> list[bytes] | None:
        """Return key and words of lines from `first` to before `last`, None if one has not `count`.

        Args:
            first, last: lines, from 0
            count: words of each line, with its key
        """
        starts = self.names.starts
        text = bytes(self.names.text[starts[first] : starts[last]])
        codes = np.frombuffer(text, np.uint8)
        gaps = np.flatnonzero(codes <= SPACE)
        if len(gaps) != count * (last - first):
            return None
        found = text.split()
        alike = len(found) == len(gaps) and (codes[gaps[count - 1 :: count]] == LINE_END).all()
        return found if alike else None


def read_packed(path: str | Path) -> PackedTable:
    """Return a table of a data directory or a dump.

    Raises:
        InputError: as `read_table`.
    """
    with naming_first_fault(path):
        return PackedTable(Path(path), values=not may_be_empty(Path(path).name))


def _hash(key: bytes | bytearray) -> int:
    return zlib.crc32(key)
