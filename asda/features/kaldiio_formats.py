"""Rare formats of Kaldi archives, written and read by kaldiio, which is optional.

The formats that features usually have are handled in `matrix.py` and `archive_writer.py`. Only the
compression methods 1, 2, 4, 6 and 7, text archives, matrices of doubles, files of a single matrix
and commands need kaldiio.
"""

from __future__ import annotations

import struct
from types import ModuleType
from typing import BinaryIO

import numpy as np

from asda.features.matrix import NOT_FINITE
from asda.files import InputError


def write_by_kaldiio(stream: BinaryIO, utterance: str, matrix: np.ndarray, method: int) -> None:
    """Append a float32 matrix (rows, columns) to an archive with one of Kaldi's methods.

    Raises:
        InputError: if kaldiio is not installed.
    """
    kaldiio = require_kaldiio(f"compression method {method}")
    kaldiio.save_ark(stream, {utterance: matrix}, compression_method=method)


def read_by_kaldiio(specifier: str) -> np.ndarray:
    """Return the matrix (rows, columns) float32 that a specifier names.

    Raises:
        InputError: if kaldiio is not installed, there is no matrix, or it has values that are not
            finite.
    """
    kaldiio = require_kaldiio(f"{specifier}: this format")
    try:
        matrix = kaldiio.load_mat(specifier)
    except OSError as error:
        raise InputError(f"{specifier}: {error.strerror or error}") from None
    except (AssertionError, ValueError, RuntimeError, struct.error) as error:
        reason = str(error) or type(error).__name__
        raise InputError(f"{specifier}: not a matrix of a Kaldi archive: {reason}") from None
    if not isinstance(matrix, np.ndarray) or matrix.ndim != 2:
        raise InputError(f"{specifier}: not a matrix")
    if not np.isfinite(matrix).all():
        raise InputError(f"{specifier}: {NOT_FINITE}; compute its features again")
    return matrix.astype(np.float32)


def require_kaldiio(purpose: str) -> ModuleType:
    """Return kaldiio.

    Args:
        purpose: what needs it, for the message

    Raises:
        InputError: if it is not installed.
    """
    try:
        import kaldiio
    except ImportError:
        raise InputError(f"{purpose} needs kaldiio: pip install kaldiio") from None
    return kaldiio
