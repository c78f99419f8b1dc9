"""Matrices in Kaldi archives; the one place that knows their bytes, and the one with kaldiio.

kaldiio writes, and reads what is rare. The forms that features come in are parsed here: about
twice as fast, and only the rows asked for.
"""

from __future__ import annotations

import functools
import os
import re
import struct
from typing import BinaryIO

import kaldiio
import numpy as np

from asda.files import InputError

# Kaldi's numbers of compression methods, with the bytes that a value takes.
COMPRESSIONS = {
    "none": 4,  # float32
    "1": 1,  # 2 for more than 8 rows, else 3
    "2": 1,  # linear between quantiles of each column
    "3": 2,  # linear from the least to the greatest value
    "4": 2,  # whole numbers from -32768 to 32767
    "5": 1,  # linear from the least to the greatest value
    "6": 1,  # whole numbers from 0 to 255
    "7": 1,  # values from 0 to 1
}
_SPECIFIER = re.compile(r"(?P<path>.+):(?P<offset>\d+)(\[(?P<first>\d+):(?P<last>\d+)\])?")
_FLOAT_HEADER = struct.Struct("<5sxixi")  # "\0BFM " 4 rows 4 columns
_COMPRESSED_HEADER = struct.Struct("<ffii")  # after "\0BCM2 ": least, range, rows, columns
# A column of method 2 is linear between quantiles at these bytes: (4, 256) weights of quantiles.
_QUANTILE_WEIGHTS = np.stack(
    [np.interp(np.arange(256), (0, 64, 192, 255), unit) for unit in np.eye(4)]
).astype(np.float32)


def write_matrix(stream: BinaryIO, utterance: str, matrix: np.ndarray, compression: str) -> int:
    """Append a matrix (rows, columns) to an archive and return its offset, as in feats.scp.

    Args:
        stream: an archive opened for writing bytes
        utterance: key of the matrix
        matrix: float32; finite, since compressed forms have no NaN
        compression: a key of COMPRESSIONS
    """
    offset = stream.tell() + len(utterance.encode()) + 1
    method = None if compression == "none" else int(compression)
    kaldiio.save_ark(stream, {utterance: matrix}, compression_method=method)
    return offset


class ArchiveReader:
    """Reads matrices by specifier; holds a bounded number of archives open.

    One reader may serve several threads, and processes forked from or sent it.

    Args:
        max_files: archives to hold open.
    """

    def __init__(self, max_files: int = 64):
        self.max_files = max_files
        self._open = functools.lru_cache(max_files)(_Archive)

    def __reduce__(self) -> tuple:
        return ArchiveReader, (self.max_files,)

    def read(self, specifier: str, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Return rows `start` to before `stop` of a matrix, (rows, columns) float32.

        Args:
            specifier: `file.ark:offset`, `file.ark:offset[first:last]` (rows, last included, as in
                Kaldi), or anything else that kaldiio reads
            start: first row, counted from `first`
            stop: row to stop before; None or beyond the last = to the end

        Raises:
            InputError: naming file, offset and utterance, if the data is damaged or cut short.
        """
        parts = _SPECIFIER.fullmatch(specifier)
        if parts is None:
            return _read_by_kaldiio(specifier)[start:stop]
        if parts["first"] is not None:
            first, after = int(parts["first"]), int(parts["last"]) + 1
            start, stop = start + first, after if stop is None else min(first + stop, after)
        offset = int(parts["offset"])
        matrix = self._archive(parts["path"]).read(offset, start, stop)
        if matrix is None:
            return _read_by_kaldiio(f"{parts['path']}:{offset}")[start:stop]
        return matrix

    def is_of(self, specifier: str, utterance: str) -> bool:
        """Return whether the matrix of a `file.ark:offset` has `utterance` as its key."""
        parts = _SPECIFIER.fullmatch(specifier)
        if parts is None:
            return False
        key = f"{utterance} ".encode()
        return self._archive(parts["path"]).before(int(parts["offset"]), len(key)) == key

    def _archive(self, path: str) -> _Archive:
        try:
            return self._open(path)
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}") from None


class _Archive:
    """An open archive; closed when the last to use it lets go."""

    def __init__(self, path: str):
        self.path = path
        self.descriptor = os.open(path, os.O_RDONLY)

    def __del__(self):
        if hasattr(self, "descriptor"):
            os.close(self.descriptor)

    def read(self, offset: int, start: int, stop: int | None) -> np.ndarray | None:
        """Return rows of the matrix at `offset`; None if it is in none of the usual forms."""
        header = os.pread(self.descriptor, 32, offset)
        if len(header) < _FLOAT_HEADER.size:
            raise self._damaged(offset, "the file ends there")
        if header.startswith(b"\0BFM "):
            _, rows, columns = _FLOAT_HEADER.unpack_from(header)
            data = offset + _FLOAT_HEADER.size
            self._check_size(offset, data, rows, columns, 4)
            return self._rows(data, rows, columns, np.float32, start, stop)
        form, _, numbers = header[2:].partition(b" ")
        if not header.startswith(b"\0B") or form not in (b"CM", b"CM2", b"CM3"):
            return None
        if len(numbers) < _COMPRESSED_HEADER.size:
            raise self._damaged(offset, "the file ends there")
        least, extent, rows, columns = _COMPRESSED_HEADER.unpack_from(numbers)
        data = offset + len(header) - len(numbers) + _COMPRESSED_HEADER.size
        dtype = np.uint16 if form == b"CM2" else np.uint8
        values = data + 8 * columns if form == b"CM" else data
        self._check_size(offset, values, rows, columns, np.dtype(dtype).itemsize)
        if form == b"CM":
            return self._by_quantiles(data, rows, columns, least, extent, start, stop)
        levels = self._rows(data, rows, columns, dtype, start, stop)
        matrix = levels.astype(np.float32)
        matrix *= np.float32(extent / np.iinfo(dtype).max)
        matrix += np.float32(least)
        return matrix

    def _rows(
        self, data: int, rows: int, columns: int, dtype: type, start: int, stop: int | None
    ) -> np.ndarray:
        """Return rows of a row-major matrix whose values begin at byte `data` of the file."""
        start, stop, _ = slice(start, stop).indices(rows)
        matrix = np.empty((max(0, stop - start), columns), dtype)
        where, left = data + start * columns * matrix.itemsize, matrix.reshape(-1).view(np.uint8)
        while left.size:  # one call reads 2 GiB at most
            got = os.preadv(self.descriptor, [left], where)
            if not got:
                raise self._damaged(data, "the file has become shorter")
            where, left = where + got, left[got:]
        return matrix

    def _by_quantiles(
        self,
        data: int,
        rows: int,
        columns: int,
        least: float,
        extent: float,
        start: int,
        stop: int | None,
    ) -> np.ndarray:
        """Return rows of a matrix of method 2, which lies column by column."""
        quantiles = self._rows(data, columns, 4, np.uint16, 0, None).astype(np.float32)
        table = (quantiles * np.float32(extent / 65535) + np.float32(least)) @ _QUANTILE_WEIGHTS
        levels = self._rows(data + 8 * columns, columns, rows, np.uint8, 0, None)[:, start:stop]
        places = levels.T + np.arange(0, table.size, 256)
        return table.take(places)

    def _check_size(
        self, offset: int, data: int, rows: int, columns: int, value_bytes: int
    ) -> None:
        size = os.fstat(self.descriptor).st_size
        if rows < 0 or columns < 0 or data + rows * columns * value_bytes > size:
            raise self._damaged(
                offset, f"a matrix of {rows} x {columns} does not fit into the file"
            )

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


def _read_by_kaldiio(specifier: str) -> np.ndarray:
    try:
        matrix = kaldiio.load_mat(specifier)
    except OSError as error:
        raise InputError(f"{specifier}: {error.strerror or error}") from None
    except (AssertionError, ValueError, RuntimeError, struct.error) as error:
        reason = str(error) or type(error).__name__
        raise InputError(f"{specifier}: not a matrix of a Kaldi archive: {reason}") from None
    if not isinstance(matrix, np.ndarray) or matrix.ndim != 2:
        raise InputError(f"{specifier}: not a matrix")
    return matrix.astype(np.float32)
