"""Writing and finding matrices in Kaldi archives; the one module with kaldiio.

kaldiio writes and reads what is rare. The forms that features come in are known here and in
`matrix.py`.
"""

from __future__ import annotations

import functools
import itertools
import re
import struct
from collections.abc import Sequence
from typing import BinaryIO

import kaldiio
import numpy as np

from asda.features.matrix import (
    COMPRESSED_HEADER,
    FLOAT_HEADER,
    OpenArchive,
    StoredMatrix,
    Values,
    read,
)
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
_LINEAR = {"3": (b"CM2", np.uint16), "5": (b"CM3", np.uint8)}  # least to greatest value


def write_matrix(stream: BinaryIO, utterance: str, matrix: np.ndarray, compression: str) -> int:
    """Append a matrix (rows, columns) to an archive and return its offset, as in feats.scp.

    Args:
        stream: an archive opened for writing bytes
        utterance: key of the matrix
        matrix: float32; finite, since compressed forms have no NaN
        compression: a key of COMPRESSIONS
    """
    matrix = np.ascontiguousarray(matrix, np.float32)
    key = f"{utterance} ".encode()
    offset = stream.tell() + len(key)
    if compression in _LINEAR:
        header, levels = _levels(matrix, *_LINEAR[compression])
        stream.write(key + header)
        stream.write(levels)
    elif compression == "none":
        stream.write(key + FLOAT_HEADER.pack(b"\0BFM ", 4, len(matrix), 4, matrix.shape[1]))
        stream.write(matrix)
    else:
        kaldiio.save_ark(stream, {utterance: matrix}, compression_method=int(compression))
    return offset


def _levels(matrix: np.ndarray, form: bytes, dtype: type) -> tuple[bytes, np.ndarray]:
    """Return header and levels (rows, columns), rounded as kaldiio does it."""
    least = matrix.min()
    extent = matrix.max() - least
    if extent == 0:
        extent = least + (1 + abs(least)) - least
    levels = matrix - least
    levels /= extent
    levels *= np.iinfo(dtype).max
    levels += 0.499
    header = b"\0B" + form + b" " + COMPRESSED_HEADER.pack(least, extent, *matrix.shape)
    return header, levels.astype(dtype)


class ArchiveReader:
    """Reads matrices by specifier; holds a bounded number of archives open.

    One reader may serve several threads, and processes forked from or sent it.

    Args:
        max_files: archives to hold open.
    """

    def __init__(self, max_files: int = 64):
        self.max_files = max_files
        self._open = functools.lru_cache(max_files)(OpenArchive)

    def __reduce__(self) -> tuple:
        return ArchiveReader, (self.max_files,)

    def find(self, specifier: str) -> StoredMatrix | Values:
        """Return a matrix whose values are read when they are written out.

        Args:
            specifier: `file.ark:offset`, `file.ark:offset[first:last]` (rows, last included, as in
                Kaldi), or anything else that kaldiio reads

        Raises:
            InputError: naming file, offset and utterance, if the data is damaged or cut short.
        """
        parts = _SPECIFIER.fullmatch(specifier)
        if parts is None:
            return Values(_read_by_kaldiio(specifier))
        path, offset, _, first, last = parts.groups()
        matrix = self._archive(path).find(int(offset))
        if matrix is None:
            values = _read_by_kaldiio(f"{path}:{offset}")
            return Values(values if first is None else values[int(first) : int(last) + 1])
        return matrix if first is None else matrix.part(int(first), int(last) + 1)

    def read(self, specifier: str, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Return rows `start` to before `stop` of a matrix, (rows, columns) float32.

        Args:
            specifier: as in `find`
            start: first row
            stop: row to stop before; None or beyond the last = to the end
        """
        return read(self.find(specifier), start, stop)

    def read_ahead(self, specifiers: Sequence[str], rows: Sequence[int]) -> None:
        """Tell the system to read matrices, which have so many rows, into its cache by and by.

        It reads neighbours at once if they follow each other here.
        """
        places = map(place_of, specifiers)
        for path, group in itertools.groupby(zip(places, rows, strict=True), lambda it: it[0][0]):
            if path is not None:
                self._archive(path).read_ahead([(offset, count) for (_, offset), count in group])

    def is_of(self, specifier: str, utterance: str) -> bool:
        """Return whether the matrix of a `file.ark:offset` has `utterance` as its key."""
        parts = _SPECIFIER.fullmatch(specifier)
        if parts is None:
            return False
        key = f"{utterance} ".encode()
        return self._archive(parts["path"]).before(int(parts["offset"]), len(key)) == key

    def _archive(self, path: str) -> OpenArchive:
        try:
            return self._open(path)
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}") from None


def place_of(specifier: str) -> tuple[str | None, int]:
    """Return the archive and the byte that a specifier names; None and 0 for another form."""
    parts = _SPECIFIER.fullmatch(specifier)
    return (None, 0) if parts is None else (parts["path"], int(parts["offset"]))


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
