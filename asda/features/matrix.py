"""Matrices in memory, and in the formats in which Kaldi archives store features.

A stored matrix is read only when it is copied out: just the rows asked for, in one pass over the
bytes of the file and few passes over the values, which are scaled and shifted on the way.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from asda.files import InputError

FLOAT_HEADER = struct.Struct("<5sbibi")  # "\0BFM ", 4, rows, 4, columns
VECTOR_HEADER = struct.Struct("<5sbi")  # "\0BFV ", 4, values
COMPRESSED_HEADER = struct.Struct("<ffii")  # after "\0BCM2 ": minimum, range, rows, columns
HEADER_BYTES = 32  # enough for any of the headers
TRUNCATED = "damaged archive: the file ends there"
NOT_FINITE = "values that are not finite (NaN or infinite)"
_DTYPES = {b"CM": np.uint8, b"CM2": np.uint16, b"CM3": np.uint8, b"FM": np.float32}
# A column of format CM is linear between quantiles at these levels: (4, 256) weights of quantiles.
_QUANTILE_WEIGHTS = np.stack(
    [np.interp(np.arange(256), (0, 64, 192, 255), unit) for unit in np.eye(4)]
).astype(np.float32)


class Matrix(Protocol):
    """A matrix (rows, columns) whose values are float32 once they are read."""

    @property
    def shape(self) -> tuple[int, int]: ...

    def read_into(
        self, out: np.ndarray, start: int = 0, scale: float = 1.0, offset: float = 0.0
    ) -> None:
        """Fill `out` with the rows from `start` on, times `scale` plus `offset`.

        Args:
            out: contiguous (rows, columns) float32, no longer than the rows that are left
            start: first row to read

        Raises:
            InputError: naming file, offset and utterance, if the file has become shorter or a value
                is not finite.
        """


class ByteSource(Protocol):
    """Bytes that can be read from any position, such as an open archive."""

    def read_into(self, array: np.ndarray, position: int) -> None:
        """Fill a contiguous array with the bytes that begin at `position`."""

    def fault(self, offset: int, reason: str) -> InputError:
        """Return the error that says what is wrong with the matrix at `offset`."""


class Values:
    """A matrix (rows, columns) in memory, of any numeric type."""

    def __init__(self, values: np.ndarray):
        self.values = values

    @property
    def shape(self) -> tuple[int, int]:
        rows, columns = self.values.shape
        return rows, columns

    def read_into(
        self, out: np.ndarray, start: int = 0, scale: float = 1.0, offset: float = 0.0
    ) -> None:
        """As `Matrix.read_into`."""
        np.multiply(self.values[start : start + len(out)], np.float32(scale), out=out)
        out += np.float32(offset)


@dataclass(slots=True)
class StoredMatrix:
    """A matrix in an archive, of which a range of rows is visible.

    Args:
        archive: holds the bytes
        format: Kaldi's token for how the values are stored
        position: first byte of the values, or of the quantiles of format CM
        rows: number of stored rows
        columns: number of stored columns
        minimum: value of level 0; 0 for floats
        extent: difference between the values of the highest level and of level 0; 0 for floats
        first: stored row that is visible as row 0
        after: stored row after the last visible one
    """

    archive: ByteSource
    format: bytes
    position: int
    rows: int
    columns: int
    minimum: float
    extent: float
    first: int
    after: int

    @classmethod
    def parse(cls, archive: ByteSource, offset: int, header: bytes) -> StoredMatrix | None:
        """Return the matrix whose header begins at `offset`; None for a format not known here.

        Raises:
            ValueError: if the header is incomplete, or its range of values not finite.
        """
        if len(header) < FLOAT_HEADER.size:
            raise ValueError(TRUNCATED)
        token, _, numbers = header[2:].partition(b" ")
        if not header.startswith(b"\0B") or token not in _DTYPES:
            return None
        minimum = extent = 0.0
        if token == b"FM":
            _, _, rows, _, columns = FLOAT_HEADER.unpack_from(header)
            position = offset + FLOAT_HEADER.size
        else:
            if len(numbers) < COMPRESSED_HEADER.size:
                raise ValueError(TRUNCATED)
            minimum, extent, rows, columns = COMPRESSED_HEADER.unpack_from(numbers)
            if not math.isfinite(minimum + extent):
                raise ValueError(NOT_FINITE)
            position = offset + len(header) - len(numbers) + COMPRESSED_HEADER.size
        return cls(archive, token, position, rows, columns, minimum, extent, 0, rows)

    @property
    def shape(self) -> tuple[int, int]:
        return self.after - self.first, self.columns

    @property
    def row_bytes(self) -> int:
        """Stored bytes per row."""
        return self.columns * np.dtype(_DTYPES[self.format]).itemsize

    @property
    def end(self) -> int:
        """Position of the byte after the last value."""
        quantiles = 8 * self.columns if self.format == b"CM" else 0
        return self.position + quantiles + self.rows * self.row_bytes

    def part(self, first: int, after: int) -> StoredMatrix:
        """Return the matrix with only the stored rows `first` to before `after` visible."""
        return replace(self, first=min(first, self.rows), after=min(after, self.rows))

    def read_into(
        self, out: np.ndarray, start: int = 0, scale: float = 1.0, offset: float = 0.0
    ) -> None:
        """As `Matrix.read_into`."""
        start += self.first
        if self.format == b"CM":
            self._read_quantised(out, start, scale, offset)
            return
        position = self.position + start * self.row_bytes
        if self.format == b"FM":
            self.archive.read_into(out, position)
            if not np.isfinite(out).all():
                raise self.archive.fault(self.position - FLOAT_HEADER.size, NOT_FINITE)
            factor, shift = scale, offset
        else:
            levels = np.empty(out.shape, _DTYPES[self.format])
            self.archive.read_into(levels, position)
            np.copyto(out, levels)
            factor = self.extent / np.iinfo(levels.dtype).max * scale
            shift = self.minimum * scale + offset
        out *= np.float32(factor)
        out += np.float32(shift)

    def _read_quantised(self, out: np.ndarray, start: int, scale: float, offset: float) -> None:
        """Read rows of format CM, stored column by column after the quantiles of all columns."""
        import torch  # not at module level: planning a dump works without torch

        quantiles = np.empty((self.columns, 4), np.uint16)
        self.archive.read_into(quantiles, self.position)
        levels = np.empty((self.columns, self.rows), np.uint8)
        self.archive.read_into(levels, self.position + quantiles.nbytes)
        factor, shift = self.extent / 65535 * scale, self.minimum * scale + offset
        table = (quantiles * np.float32(factor) + np.float32(shift)) @ _QUANTILE_WEIGHTS
        # torch.gather takes a sixth of the time of numpy's take_along_axis.
        indices = torch.from_numpy(levels[:, start : start + len(out)]).long()
        np.copyto(out, torch.from_numpy(table).gather(1, indices).numpy().T)


def read(
    matrix: Matrix,
    start: int = 0,
    stop: int | None = None,
    scale: float = 1.0,
    offset: float = 0.0,
) -> np.ndarray:
    """Return rows `start` to before `stop` (None = to the end), times `scale` plus `offset`.

    Returns:
        (rows, columns) float32; rows beyond the end are left out, as in a slice.
    """
    rows, columns = matrix.shape
    start, stop, _ = slice(start, stop).indices(rows)
    values = np.empty((max(0, stop - start), columns), np.float32)
    matrix.read_into(values, start, scale, offset)
    return values
