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
from typing import SupportsIndex, TypeVar, overload

import numpy as np

from asda.corpus.datadir import naming_first_fault
from asda.files import InputError

TOGETHER = 4096
T = TypeVar("T")


class PackedNames(Sequence[str]):
    """Strings in one block of memory; equal to any sequence of the same strings.

    Attributes:
        text: all strings, in UTF-8
        starts: where each of them begins, and where the last one ends
    """

    def __init__(self, names: Iterable[str] = ()):
        self.text, self.starts = bytearray(), array("q", [0])
        for part in _parts(names):
            self.extend(part)

    def extend(self, names: Iterable[str]) -> None:
        encoded = [name.encode() for name in names]
        ends = itertools.accumulate(map(len, encoded), initial=len(self.text))
        self.starts.extend(itertools.islice(ends, 1, None))
        self.text += b"".join(encoded)

    def __len__(self) -> int:
        return len(self.starts) - 1

    @overload
    def __getitem__(self, index: SupportsIndex) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[one] for one in range(*index.indices(len(self)))]
        row = range(len(self))[index]
        return self._between(self.starts[row], self.starts[row + 1])

    def __iter__(self) -> Iterator[str]:
        return map(self._between, self.starts, itertools.islice(self.starts, 1, None))

    def _between(self, start: int, end: int) -> str:
        return self.text[start:end].decode()

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
        self._lines, hashes = PackedNames(), array("I")
        for part in _parts(lines):
            self._lines.extend(f"{key} {value}" for key, value in part)
            hashes.extend(_hash(key.encode()) for key, _ in part)
        self._last = 0  # row of the key that was found last
        unsorted = np.frombuffer(hashes, np.uint32)
        rows = np.argsort(unsorted, kind="stable")
        self._hashes = array("I", unsorted[rows].tobytes())
        self._rows = array("I", rows.astype(np.uint32).tobytes())
        self._refuse_repeated(path)

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            yield line.split(" ", 1)[0]

    def __contains__(self, key: object) -> bool:
        try:
            self.row(str(key))
        except KeyError:
            return False
        return True

    def __getitem__(self, key: str) -> str:
        return self._lines[self.row(key)][len(key) + 1 :]

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
        lines = self._lines
        return row < len(lines) and lines.text.startswith(beginning, lines.starts[row])

    def _search(self, key: str, beginning: bytes) -> int:
        wanted = _hash(beginning[:-1])
        place = bisect_left(self._hashes, wanted)
        while place < len(self._hashes) and self._hashes[place] == wanted:
            if self._begins(self._rows[place], beginning):
                return self._rows[place]
            place += 1
        raise KeyError(key)

    def _refuse_repeated(self, path: Path) -> None:
        places = np.flatnonzero(np.diff(np.frombuffer(self._hashes, np.uint32)) == 0)
        for row in sorted(self._rows[place + 1] for place in places):
            key = self._lines[row].split(" ", 1)[0]
            if self._search(key, f"{key} ".encode()) != row:  # it finds the first of equal ones
                raise InputError(f"{path}:{row + 1}: duplicate key '{key}'; remove one line")


def read_packed(path: str | Path) -> PackedTable:
    """Return a table of a data directory or a dump.

    Raises:
        InputError: as `read_table`.
    """
    with naming_first_fault(path) as lines:
        return PackedTable(Path(path), ((key, value) for _, key, value in lines))


def _hash(key: bytes) -> int:
    return zlib.crc32(key)


def _parts(items: Iterable[T]) -> Iterator[list[T]]:
    """Yield the items in lists of some thousands, which are faster to pack than single ones."""
    left = iter(items)
    while part := list(itertools.islice(left, TOGETHER)):
        yield part
