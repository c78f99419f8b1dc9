"""Reading matrices from Kaldi archives by specifier."""

from __future__ import annotations

import functools
import itertools
import os
import re
from collections.abc import Sequence

import numpy as np

from asda.features.kaldiio_formats import read_by_kaldiio
from asda.features.matrix import (
    HEADER_BYTES,
    VECTOR_HEADER,
    Matrix,
    StoredMatrix,
    Values,
    read,
)
from asda.files import InputError

READ_AHEAD_GAP = 2**16  # bytes between two matrices up to which both are read ahead in one piece
ADVICE_BYTES = 2**17  # Linux reads at most this much ahead for one piece of advice by default
KEY_BYTES = 256  # longer than the key of any utterance
_SPECIFIER = re.compile(r"(?P<path>.+):(?P<offset>\d+)(\[(?P<first>\d+):(?P<last>\d+)\])?")


class ArchiveReader:
    """Reads matrices by specifier and keeps a bounded number of archives open.

    Several threads may share one reader, and so may processes that are forked or that receive it
    pickled.

    Args:
        max_files: largest number of archives to keep open.
    """

    def __init__(self, max_files: int = 64):
        self.max_files = max_files
        self._open = functools.lru_cache(max_files)(OpenArchive)

    def __reduce__(self) -> tuple[type[ArchiveReader], tuple[int]]:
        return ArchiveReader, (self.max_files,)

    def open_matrix(self, specifier: str) -> Matrix:
        """Return a matrix whose values are read later, by `read_into`.

        Args:
            specifier: `file.ark:offset`, `file.ark:offset[first:last]` (rows, the last one
                included, as in Kaldi), or anything else that kaldiio reads

        Raises:
            InputError: naming file, offset and utterance, if the data is damaged or truncated.
        """
        parts = _SPECIFIER.fullmatch(specifier)
        if parts is None:
            return Values(read_by_kaldiio(specifier))
        path, offset, _, first, last = parts.groups()
        matrix = self._archive(path).matrix_at(int(offset))
        if matrix is None:
            values = read_by_kaldiio(f"{path}:{offset}")
            return Values(values if first is None else values[int(first) : int(last) + 1])
        return matrix if first is None else matrix.part(int(first), int(last) + 1)

    def read(self, specifier: str, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Return rows `start` to before `stop` of a matrix, (rows, columns) float32.

        Args:
            specifier: as in `open_matrix`
            start: first row
            stop: row to stop before; None = to the end
        """
        return read(self.open_matrix(specifier), start, stop)

    def read_ahead(self, specifiers: Sequence[str], rows: Sequence[int]) -> None:
        """Ask the system to read matrices with the given numbers of rows into its cache.

        The call does not wait. Matrices that follow each other here and on disk are read in one
        piece.
        """
        locations = zip(map(location_of, specifiers), rows, strict=True)
        for path, group in itertools.groupby(locations, lambda item: item[0][0]):
            if path is not None:
                self._archive(path).read_ahead([(offset, count) for (_, offset), count in group])

    def belongs_to(self, specifier: str, utterance: str) -> bool:
        """Return whether the matrix of a `file.ark:offset` has `utterance` as its key."""
        path, offset = location_of(specifier)
        if path is None:
            return False
        key = f"{utterance} ".encode()
        return self._archive(path).bytes_before(offset, len(key)) == key

    def key_bytes(self, specifier: str) -> bytes:
        """Return bytes that end with the key of a `file.ark:offset`; none if no key is there."""
        path, offset = location_of(specifier)
        if path is None:
            return b""
        before = self._archive(path).bytes_before(offset, KEY_BYTES)
        return before[:-1] if before.endswith(b" ") else b""

    def _archive(self, path: str) -> OpenArchive:
        try:
            return self._open(path)
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}") from None


class OpenArchive:
    """An archive that is kept open, and closed when its last user releases it."""

    def __init__(self, path: str):
        self.path = path
        self.descriptor = os.open(path, os.O_RDONLY)

    def __del__(self) -> None:
        if hasattr(self, "descriptor"):
            os.close(self.descriptor)

    def matrix_at(self, offset: int) -> StoredMatrix | None:
        """Return the matrix at `offset`; None if its format is not one of the common ones.

        Raises:
            InputError: if the matrix would extend beyond the end of the file.
        """
        header = os.pread(self.descriptor, HEADER_BYTES, offset)
        try:
            matrix = StoredMatrix.parse(self, offset, header)
        except ValueError as error:
            raise self.fault(offset, str(error)) from None
        if matrix is None:
            return None
        rows, columns = matrix.rows, matrix.columns
        if rows < 0 or columns < 0 or matrix.end > os.fstat(self.descriptor).st_size:
            raise self.fault(
                offset,
                f"damaged archive: a matrix of {rows} x {columns} does not fit into the file",
            )
        return matrix

    def read_into(self, array: np.ndarray, position: int) -> None:
        """Fill a contiguous array with the bytes that begin at `position`."""
        left = array.reshape(-1).view(np.uint8)
        while left.size:  # a single call reads at most 2 GiB
            count = os.preadv(self.descriptor, [left.data], position)
            if not count:
                raise self.fault(position, "damaged archive: the file has become shorter")
            position, left = position + count, left[count:]

    def read_ahead(self, matrices: list[tuple[int, int]]) -> None:
        """Ask the system to read matrices, given as (offset, rows), into its cache.

        All are assumed to have the format of the first one.
        """
        if not hasattr(os, "posix_fadvise"):  # macOS does not offer it
            return
        first = self.matrix_at(matrices[0][0])
        row_bytes = 0 if first is None else first.row_bytes
        begin = end = matrices[0][0]
        for offset, rows in matrices:
            if not begin <= offset <= end + READ_AHEAD_GAP:
                self._advise(begin, end)
                begin = offset
            end = offset + rows * row_bytes
        self._advise(begin, end)

    def _advise(self, begin: int, end: int) -> None:
        for position in range(begin, end, ADVICE_BYTES):
            length = min(ADVICE_BYTES, end - position)
            os.posix_fadvise(self.descriptor, position, length, os.POSIX_FADV_WILLNEED)

    def bytes_before(self, offset: int, count: int) -> bytes:
        """Return up to `count` bytes that end at `offset`."""
        return os.pread(self.descriptor, min(offset, count), max(0, offset - count))

    def fault(self, offset: int, reason: str) -> InputError:
        """Return the error that names a matrix, its utterance and what is wrong with it."""
        # The key is preceded by bytes of the previous matrix, which may look like letters.
        key = re.search(rb"([!-~]+) $", self.bytes_before(offset, KEY_BYTES))
        utterance = f" (utterance '...{key[1].decode()}')" if key else ""
        return InputError(f"{self.path}:{offset}{utterance}: {reason}; compute its features again")


def read_vector(specifier: str) -> np.ndarray:
    """Return the vector (values,) float32 at `file.ark:offset`, as `write_vector` stores it.

    Raises:
        ValueError: if there is no such vector.
        OSError: if the archive cannot be read.
    """
    path, offset = location_of(specifier)
    if path is None:
        raise ValueError(f"{specifier}: not a place in an archive")
    with open(path, "rb") as stream:
        stream.seek(offset)
        head = stream.read(VECTOR_HEADER.size)
        if len(head) < VECTOR_HEADER.size or not head.startswith(b"\0BFV \4"):
            raise ValueError(f"{specifier}: no vector")
        count = VECTOR_HEADER.unpack(head)[2]
        return np.frombuffer(stream.read(4 * count), "<f4", count)


def location_of(specifier: str) -> tuple[str | None, int]:
    """Return the archive and the offset that a specifier names; (None, 0) for other forms."""
    parts = _SPECIFIER.fullmatch(specifier)
    return (None, 0) if parts is None else (parts["path"], int(parts["offset"]))
