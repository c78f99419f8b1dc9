"""Names of millions of clips in little memory, compared and chosen in blocks."""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import SupportsIndex, TypeVar, overload

import numpy as np

TOGETHER = 65_536  # names that are compared in one call
SPARSE = 16  # if more lines than this lie at each wanted one, lines are read one by one
WIDEST = 256  # bytes of the longest names that are compared in blocks
T = TypeVar("T")


class PackedNames(Sequence[str]):
    """Strings in one block of memory; equal to any sequence of the same strings.

    Other text may follow each name, such as the rest of its line in a table.

    Attributes:
        text: all strings, in UTF-8, each followed by at least one byte
        starts: where each of them begins, and where the text ends
        lengths: bytes of each of them
    """

    def __init__(self, names: Iterable[str] = ()):
        self.text, self.starts, self.lengths = bytearray(), array("q", [0]), array("I")
        for part in in_parts(names):
            self._add([name.encode() for name in part])

    def _add(self, names: list[bytes]) -> None:
        lengths = np.fromiter(map(len, names), np.int64, len(names))
        starts = np.cumsum(lengths + 1) - lengths - 1
        self.add_text(b"".join(name + b"\n" for name in names), starts, lengths)

    def add_text(self, text: bytes, starts: np.ndarray, lengths: np.ndarray) -> None:
        """Add names that lie in a text.

        Args:
            text: it, without anything before the first name
            starts: where each name begins, in order, (names,) int64
            lengths: bytes of each, (names,) int64
        """
        if not len(starts):
            return
        self.starts.frombytes((starts[1:] + len(self.text)).astype(np.int64).tobytes())
        self.lengths.frombytes(lengths.astype(np.uint32).tobytes())
        self.text += text
        self.starts.append(len(self.text))

    def __len__(self) -> int:
        return len(self.lengths)

    @overload
    def __getitem__(self, index: SupportsIndex) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[one] for one in range(*index.indices(len(self)))]
        return self.encoded(range(len(self))[index]).decode()

    def encoded(self, row: int) -> bytes:
        """Return the bytes of a name, counted from 0."""
        start = self.starts[row]
        return bytes(self.text[start : start + self.lengths[row]])

    def __iter__(self) -> Iterator[str]:
        for start, length in zip(self.starts, self.lengths, strict=False):
            yield self.text[start : start + length].decode()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and [*self] == [*other]

    __hash__ = None  # type: ignore[assignment]  # as of a list

    @cached_property
    def increasing(self) -> bool:
        """Whether each name comes after the one before it in the order of `LC_ALL=C sort`.

        False also for a few lists that do: with names of more than 256 bytes, or with null bytes.
        """
        if max(self.lengths, default=0) > WIDEST or 0 in self.text:
            return False
        for first, last in spans(len(self)):
            keys = self.padded(first, min(last + 1, len(self)))
            if not (keys[:-1] < keys[1:]).all():
                return False
        return True

    def padded(self, first: int, last: int) -> np.ndarray:
        """Return the bytes of names from `first` to before `last`, (names,) bytes of one width."""
        begin, end = self.starts[first], self.starts[last]
        starts = np.frombuffer(self.starts, np.int64)[first:last] - begin
        lengths = np.frombuffer(self.lengths, np.uint32)[first:last]
        return padded_parts(self.text[begin:end], starts, lengths)

    def chosen(self, mask: np.ndarray) -> PackedNames:
        """Return the names for which a mask (names,) bool is true, without text between them."""
        found = PackedNames()
        for first, last in spans(len(self)):
            begin, end = self.starts[first], self.starts[last]
            rows = first + np.flatnonzero(mask[first:last])
            starts = np.frombuffer(self.starts, np.int64)[rows] - begin
            lengths = np.frombuffer(self.lengths, np.uint32)[rows].astype(np.int64)
            edges = np.zeros(end - begin + 1, np.int8)
            edges[starts] = 1
            edges[starts + lengths + 1] -= 1  # with the byte behind each name
            text = np.frombuffer(self.text[begin:end], np.uint8)
            kept = text[np.cumsum(edges[:-1], dtype=np.int8) > 0]
            ends = np.cumsum(lengths + 1)
            kept[ends - 1] = ord("\n")
            found.add_text(kept.tobytes(), ends - lengths - 1, lengths)
        return found


def padded_parts(text: bytes | bytearray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return parts of a text, padded with null bytes at their ends, (parts,) bytes of one width.

    Args:
        text: it
        starts: where each part begins, (parts,) int64
        lengths: bytes of each part, (parts,) integers
    """
    width = max(1, int(lengths.max(initial=0)))
    codes = np.frombuffer(text + bytes(width), np.uint8)
    parts = np.lib.stride_tricks.sliding_window_view(codes, width)[starts]
    parts[np.arange(width) >= lengths[:, None]] = 0
    return parts.view(f"S{width}")[:, 0]


def spans(count: int) -> Iterator[tuple[int, int]]:
    """Yield first and last + 1 of the rows of a table that are looked at in one call."""
    for first in range(0, count, TOGETHER):
        yield first, min(first + TOGETHER, count)


def extent(rows: np.ndarray) -> tuple[int, int] | None:
    """Return first and last + 1 of rows of a table; None if they lie too far apart to read all."""
    first, last = int(rows.min()), int(rows.max()) + 1
    return (first, last) if last - first <= SPARSE * len(rows) else None


def in_parts(items: Iterable[T]) -> Iterator[list[T]]:
    """Yield the items in lists of some thousands, which are faster to pack than single ones."""
    left = iter(items)
    while part := list(itertools.islice(left, TOGETHER)):
        yield part
