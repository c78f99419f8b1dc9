"""Tables of millions of lines in little memory, which forked processes go on sharing.

In a dict of strings a line takes some 250 bytes, and a forked process, such as a loader worker,
copies the memory of each string that it looks at, because looking changes the string's count of
references. Here a line takes its own bytes and 16 more, in a few large blocks that nobody changes.
"""

from __future__ import annotations

import itertools
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import SupportsIndex, overload

import numpy as np

from asda.corpus.datadir import may_be_empty, table_lines
from asda.files import InputError


class PackedNames(Sequence[str]):
    """Strings in one block of memory; equal to any sequence of the same strings."""

    def __init__(self, names: Iterable[str]):
        self._text, self._starts = bytearray(), array("q", [0])
        for name in names:
            self._text += name.encode()
            self._starts.append(len(self._text))

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, index: SupportsIndex) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[one] for one in range(*index.indices(len(self)))]
        row = range(len(self))[index]
        return self._between(self._starts[row], self._starts[row + 1])

    def __iter__(self) -> Iterator[str]:
        return map(self._between, self._starts, itertools.islice(self._starts, 1, None))

    def _between(self, start: int, end: int) -> str:
        return self._text[start:end].decode()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and [*self] == [*other]

    __hash__ = None  # type: ignore[assignment]  # as of a list


class PackedTable(Mapping[str, str]):
    """Key -> rest of the line, in the order of the lines.

    Looking up keys in the order of the lines, or one of them several times, takes a microsecond;
    otherwise it takes a few.

    Args:
        path: the table, for messages
        lines: keys, which contain no space, and values

    Raises:
        InputError: on a repeated key.
    """

    def __init__(self, path: Path, lines: Iterable[tuple[str, str]]):
        self._lines = PackedNames(f"{key} {value}" for key, value in lines)
        self._last = 0  # row of the key that was found last
        hashes = np.fromiter((_hash(key) for key in self), np.uint32, len(self._lines))
        rows = np.argsort(hashes, kind="stable")
        self._hashes = array("I", hashes[rows].tobytes())
        self._rows = array("I", rows.astype(np.uint32).tobytes())
        self._refuse_repeated(path, hashes[rows])

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            yield line.split(" ", 1)[0]

    def __getitem__(self, key: str) -> str:
        return self._lines[self.row(key)][len(key) + 1 :]

    def row(self, key: str) -> int:
        """Return the number of the line of a key, from 0.

        Raises:
            KeyError: if there is none.
        """
        for row in (self._last, self._last + 1):
            if self._has(row, key):
                break
        else:
            row = self._search(key)
        self._last = row
        return row

    def _has(self, row: int, key: str) -> bool:
        return row < len(self._lines) and self._lines[row].startswith(f"{key} ")

    def _search(self, key: str) -> int:
        wanted = _hash(key)
        place = bisect_left(self._hashes, wanted)
        while place < len(self._hashes) and self._hashes[place] == wanted:
            if self._has(self._rows[place], key):
                return self._rows[place]
            place += 1
        raise KeyError(key)

    def _refuse_repeated(self, path: Path, hashes: np.ndarray) -> None:
        suspects = sorted(self._rows[place + 1] for place in np.flatnonzero(np.diff(hashes) == 0))
        for row in suspects:
            key = self._lines[row].split(" ", 1)[0]
            if self._search(key) != row:  # of equal hashes, it finds the first line
                raise InputError(f"{path}:{row + 1}: duplicate key '{key}'; remove one line")


def read_packed(path: str | Path) -> PackedTable:
    """Return a table of a data directory or a dump.

    Raises:
        InputError: as `read_table`.
    """
    lines = table_lines(path, values=not may_be_empty(Path(path).name))
    return PackedTable(Path(path), ((key, value) for _, key, value in lines))


def _hash(key: str) -> int:
    return zlib.crc32(key.encode())
