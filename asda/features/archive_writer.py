"""Writing matrices and vectors to Kaldi archives."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np

from asda.features.kaldiio_formats import require_kaldiio, write_by_kaldiio
from asda.features.matrix import COMPRESSED_HEADER, FLOAT_HEADER, VECTOR_HEADER

# Kaldi's numbers of compression methods, with the bytes per value.
COMPRESSIONS = {
    "none": 4,  # float32
    "1": 1,  # method 2 for more than 8 rows, else method 3
    "2": 1,  # linear between quantiles of each column
    "3": 2,  # linear from the minimum to the maximum
    "4": 2,  # integers from -32768 to 32767
    "5": 1,  # linear from the minimum to the maximum
    "6": 1,  # integers from 0 to 255
    "7": 1,  # values from 0 to 1
}
_LINEAR: dict[str, tuple[bytes, type[np.uint8] | type[np.uint16]]] = {
    "3": (b"CM2", np.uint16),
    "5": (b"CM3", np.uint8),
}


def check_compression(compression: str) -> None:
    """Raise InputError if a compression needs kaldiio and it is not installed."""
    if compression != "none" and compression not in _LINEAR:
        require_kaldiio(f"compression method {compression}")


def write_matrix(stream: BinaryIO, utterance: str, matrix: np.ndarray, compression: str) -> int:
    """Append a matrix (rows, columns) to an archive and return its offset, as in feats.scp.

    Args:
        stream: an archive opened for writing bytes
        utterance: key of the matrix
        matrix: finite values, stored as float32 or compressed
        compression: a key of COMPRESSIONS

    Raises:
        InputError: as `check_compression`.
    """
    matrix = np.ascontiguousarray(matrix, np.float32)
    key = f"{utterance} ".encode()
    offset = stream.tell() + len(key)
    if compression in _LINEAR:
        header, levels = _quantised(matrix, *_LINEAR[compression])
        stream.write(key + header)
        stream.write(levels.data)
    elif compression == "none":
        stream.write(key + FLOAT_HEADER.pack(b"\0BFM ", 4, len(matrix), 4, matrix.shape[1]))
        stream.write(matrix.data)
    else:
        write_by_kaldiio(stream, utterance, matrix, int(compression))
    return offset


def write_vector(stream: BinaryIO, utterance: str, vector: np.ndarray) -> int:
    """Append a vector (values,), stored as float32, to an archive and return its offset."""
    vector = np.ascontiguousarray(vector, np.float32)
    key = f"{utterance} ".encode()
    offset = stream.tell() + len(key)
    stream.write(key + VECTOR_HEADER.pack(b"\0BFV ", 4, len(vector)))
    stream.write(vector.data)
    return offset


def _quantised(
    matrix: np.ndarray, token: bytes, dtype: type[np.uint8] | type[np.uint16]
) -> tuple[bytes, np.ndarray]:
    """Return header and levels (rows, columns), rounded exactly as kaldiio rounds them."""
    minimum = matrix.min()
    extent = matrix.max() - minimum
    if extent == 0:
        extent = minimum + (1 + abs(minimum)) - minimum
    levels = matrix - minimum
    levels /= extent
    levels *= np.iinfo(dtype).max
    levels += 0.499
    header = b"\0B" + token + b" " + COMPRESSED_HEADER.pack(minimum, extent, *matrix.shape)
    return header, levels.astype(dtype)
