"""Matrices in memory, and in the forms that features have in Kaldi archives.

A stored matrix is read when it is written out: only the rows asked for, in one pass over the file's
bytes and few over the values, scaled and shifted on the way.
"""

from __future__ import annotations

import os
import re
import struct
from dataclasses import dataclass, replace

import numpy as np

from asda.files import InputError

FLOAT_HEADER = struct.Struct("<5sbibi")  # "\0BFM ", 4, rows, 4, columns
COMPRESSED_HEADER = struct.Struct("<ffii")  # after "\0BCM2 ": least, range, rows, columns
NEAR = 2**16  # bytes between matrices that are read with them
ADVICE = 2**17  # bytes that Linux reads ahead at one advice, unless told otherwise
_LEVELS = {b"CM": np.uint8, b"CM2": np.uint16, b"CM3": np.uint8, b"FM": np.float32}
# A column of form CM is linear between quantiles at these levels: (4, 256) weights of quantiles.
_QUANTILE_WEIGHTS = np.stack(
    [np.interp(np.arange(256), (0, 64, 192, 255), unit) for unit in np.eye(4)]
).astype(np.float32)


class Values:
    """A matrix (rows, columns) in memory, of any numbers."""

    def __init__(self, values: np.ndarray):
        self.values = values
        self.shape = values.shape

    def write(
        self, out: np.ndarray, start: int = 0, scale: float = 1.0, offset: float = 0.0
    ) -> None:
        """Write rows from `start` on, times `scale` plus `offset`, to `out`, which they must fill.

        Args:
            out: contiguous (rows, columns) float32
        """
        np.multiply(self.values[start : start + len(out)], np.float32(scale), out=out)
        out += np.float32(offset)


@dataclass(slots=True)
class StoredMatrix:
    """A matrix in an archive.

    Args:
        archive: what it lies in
        form: Kaldi's name of how its values are stored
        data: byte where they begin
        rows: rows that are stored
        columns: columns that are stored
        least: value of level 0; None for floats
        extent: from there to the value of the highest level; None for floats
        first: row that counts as the first
        after: row after the last one
    """

    archive: OpenArchive
    form: bytes
    data: int
    rows: int
    columns: int
    least: float | None
    extent: float | None
    first: int
    after: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.after - self.first, self.columns

    @property
    def row_bytes(self) -> int:
        return self.columns * np.dtype(_LEVELS[self.form]).itemsize

    def part(self, first: int, after: int) -> StoredMatrix:
        """Return rows `first` to before `after`, as far as there are any."""
        return replace(self, first=min(first, self.rows), after=min(after, self.rows))

    def write(
        self, out: np.ndarray, start: int = 0, scale: float = 1.0, offset: float = 0.0
    ) -> None:
        """As `Values.write`."""
        start += self.first
        if self.form == b"CM":
            self._write_by_quantiles(out, start, scale, offset)
            return
        if self.form == b"FM":
            self.archive.read_into(out, self.data + start * self.row_bytes)
            factor, shift = scale, offset
        else:
            levels = np.empty(out.shape, _LEVELS[self.form])
            self.archive.read_into(levels, self.data + start * self.row_bytes)
            np.copyto(out, levels)
            factor = self.extent / np.iinfo(levels.dtype).max * scale
            shift = self.least * scale + offset
        out *= np.float32(factor)
        out += np.float32(shift)

    def _write_by_quantiles(self, out: np.ndarray, start: int, scale: float, offset: float) -> None:
        """Write rows of form CM, which lies column by column behind the columns' quantiles."""
        import torch  # here, because the plan of a dump needs none of it

        quantiles = np.empty((self.columns, 4), np.uint16)
        self.archive.read_into(quantiles, self.data)
        levels = np.empty((self.columns, self.rows), np.uint8)
        self.archive.read_into(levels, self.data + quantiles.nbytes)
        factor, shift = self.extent / 65535 * scale, self.least * scale + offset
        table = (quantiles * np.float32(factor) + np.float32(shift)) @ _QUANTILE_WEIGHTS
        # in a sixth of the time of numpy's take
        levels = torch.from_numpy(levels[:, start : start + len(out)]).long()
        np.copyto(out, torch.from_numpy(table).gather(1, levels).numpy().T)


def read(
    matrix: Values | StoredMatrix,
    start: int = 0,
    stop: int | None = None,
    scale: float = 1.0,
    offset: float = 0.0,
) -> np.ndarray:
    """Return rows `start` to before `stop` (None = all others) as `write` gives them."""
    rows, columns = matrix.shape
    start, stop, _ = slice(start, stop).indices(rows)
    values = np.empty((max(0, stop - start), columns), np.float32)
    matrix.write(values, start, scale, offset)
    return values


class OpenArchive:
    """An archive, held open; closed when the last to use it lets go."""

    def __init__(self, path: str):
        self.path = path
        self.descriptor = os.open(path, os.O_RDONLY)

    def __del__(self):
        if hasattr(self, "descriptor"):
            os.close(self.descriptor)

    def find(self, offset: int) -> StoredMatrix | None:
        """Return the matrix at `offset`; None if it is in none of the usual forms.

        Raises:
            InputError: if the matrix would reach beyond the end of the file.
        """
        header = os.pread(self.descriptor, 32, offset)
        if len(header) < FLOAT_HEADER.size:
            raise self._damaged(offset, "the file ends there")
        form, _, numbers = header[2:].partition(b" ")
        if not header.startswith(b"\0B") or form not in _LEVELS:
            return None
        least = extent = None
        if form == b"FM":
            _, _, rows, _, columns = FLOAT_HEADER.unpack_from(header)
            data = offset + FLOAT_HEADER.size
        else:
            if len(numbers) < COMPRESSED_HEADER.size:
                raise self._damaged(offset, "the file ends there")
            least, extent, rows, columns = COMPRESSED_HEADER.unpack_from(numbers)
            data = offset + len(header) - len(numbers) + COMPRESSED_HEADER.size
        matrix = StoredMatrix(self, form, data, rows, columns, least, extent, 0, rows)
        stored = rows * matrix.row_bytes + (8 * columns if form == b"CM" else 0)
        if rows < 0 or columns < 0 or data + stored > os.fstat(self.descriptor).st_size:
            raise self._damaged(
                offset, f"a matrix of {rows} x {columns} does not fit into the file"
            )
        return matrix

    def read_into(self, array: np.ndarray, where: int) -> None:
        """Fill a contiguous array with the bytes that begin at byte `where`."""
        left = array.reshape(-1).view(np.uint8)
        while left.size:  # one call reads 2 GiB at most
            got = os.preadv(self.descriptor, [left], where)
            if not got:
                raise self._damaged(where, "the file has become shorter")
            where, left = where + got, left[got:]

    def read_ahead(self, matrices: list[tuple[int, int]]) -> None:
        """Tell the system to read matrices, of (offset, rows), into its cache.

        All are taken to be of the form of the first.
        """
        if not hasattr(os, "posix_fadvise"):  # macOS
            return
        first = self.find(matrices[0][0])
        row_bytes = 0 if first is None else first.row_bytes
        begin = end = matrices[0][0]
        for offset, rows in matrices:
            if not begin <= offset <= end + NEAR:
                self._advise(begin, end)
                begin = offset
            end = offset + rows * row_bytes
        self._advise(begin, end)

    def _advise(self, begin: int, end: int) -> None:
        for where in range(begin, end, ADVICE):
            length = min(ADVICE, end - where)
            os.posix_fadvise(self.descriptor, where, length, os.POSIX_FADV_WILLNEED)

    def before(self, offset: int, count: int) -> bytes:
        """Return up to `count` bytes that end at `offset`."""
        return os.pread(self.descriptor, min(offset, count), max(0, offset - count))

    def _damaged(self, offset: int, what: str) -> InputError:
        # the key follows on the bytes of the matrix before it, which may look like letters
        key = re.search(rb"([!-~]+) $", self.before(offset, 100))
        utterance = f" (utterance '...{key[1].decode()}')" if key else ""
        return InputError(
            f"{self.path}:{offset}{utterance}: damaged archive: {what}; make the dump again"
        )
