"""Rare formats of Kaldi archives, written and read by kaldiio, which is optional.

The formats that features usually have are handled in `matrix.py` and `archive_writer.py`. Only the
compression methods 1, 2, 4, 6 and 7, text archives, matrices of doubles, files of a single matrix
and commands need kaldiio.
"""

from __future__ import annotations

import io
import mmap
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import IO, BinaryIO

import numpy as np

from asda.audio.recording import output_of
from asda.audio.wav_scp import is_command, refuse_if_forbidden
from asda.configuration import one_line
from asda.features.matrix import NOT_FINITE, TRUNCATED
from asda.files import InputError

MATRIX_STARTS = (b"\0BCM", b"\0BDM", b"\0BFM")
TEXT_START = frozenset(b" \n[+-.0123456789einfa")  # of a matrix as text: [, numbers, nan and inf
_RANGE = r"(?:\d+(?::\d+)?)?"
_FILE = re.compile(rf"(.+?)(?::(\d+))?(?:\[({_RANGE}(?:,{_RANGE})?)\])?")


def write_by_kaldiio(stream: BinaryIO, utterance: str, matrix: np.ndarray, method: int) -> None:
    """Append a float32 matrix (rows, columns) to an archive with one of Kaldi's methods.

    Raises:
        InputError: if kaldiio is not installed.
    """
    kaldiio = require_kaldiio(f"compression method {method}")
    kaldiio.save_ark(stream, {utterance: matrix}, compression_method=method)


def read_by_kaldiio(specifier: str) -> np.ndarray:
    """Return the matrix (rows, columns) float32 that a specifier names.

    kaldiio itself would also unpickle, read its own standard input, and run a command in front of
    which a | stands. So it is only given the bytes of a matrix.

    Args:
        specifier: `FILE`, `FILE:OFFSET` or `COMMAND |`; a file may be followed by ranges of rows
            and columns, `[first:last,first:last]`

    Raises:
        InputError: if kaldiio is not installed, there is no matrix, it has values that are not
            finite, or it is the output of a command that fails or is forbidden.
    """
    kaldiio = require_kaldiio(f"{specifier}: this format")
    with _opened(specifier) as (stream, ranges):
        try:
            _check_start(stream)
            matrix = kaldiio.matio.read_kaldi(stream)
        except Exception as error:  # damaged bytes can make it raise anything
            reason = one_line(error) or type(error).__name__
            raise InputError(f"{specifier}: not a matrix of a Kaldi archive: {reason}") from None
    if not isinstance(matrix, np.ndarray) or matrix.ndim != 2 or matrix.dtype.kind not in "fiu":
        raise InputError(f"{specifier}: not a matrix")
    with np.errstate(over="ignore"):
        matrix = matrix[ranges].astype(np.float32)
    if not np.isfinite(matrix).all():
        raise InputError(f"{specifier}: {NOT_FINITE}; compute its features again")
    return matrix


@contextmanager
def _opened(specifier: str) -> Iterator[tuple[IO[bytes] | mmap.mmap, tuple[slice, ...]]]:
    """Yield the bytes of a specifier, which begin at its offset, and its ranges.

    A file is mapped, so that no damaged header can ask for more bytes than it has.
    """
    if is_command(specifier):
        with _as_input_error(specifier):
            refuse_if_forbidden()
            output = output_of(["bash", "-o", "pipefail", "-c", specifier[:-1]])
        yield io.BytesIO(output), ()
        return
    path, offset, ranges = _parsed(specifier)
    with (
        _as_input_error(specifier),
        open(path, "rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
    ):
        mapped.seek(min(offset, len(mapped)))
        yield mapped, ranges


@contextmanager
def _as_input_error(specifier: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{specifier}: {error.strerror or error}") from None
    except ValueError as error:  # also AudioError of a command; mmap's of an empty file
        raise InputError(f"{specifier}: {error}") from None


def _parsed(specifier: str) -> tuple[str, int, tuple[slice, ...]]:
    """Return path, offset and ranges of a specifier."""
    found = _FILE.fullmatch(specifier)
    if found is None or os.path.exists(specifier):
        return specifier, 0, ()
    path, offset, ranges = found.groups()
    return path, int(offset or 0), tuple(map(_slice, ranges.split(","))) if ranges else ()


def _slice(text: str) -> slice:
    """Return a range "first:last" of Kaldi, whose end is included; "" is everything."""
    first, _, last = text.partition(":")
    return slice(int(first), int(last or first) + 1) if text else slice(None)


def _check_start(stream: IO[bytes] | mmap.mmap) -> None:
    """Refuse what does not begin as a matrix, in binary form or as text.

    Raises:
        ValueError: naming what it begins with.
    """
    position = stream.tell()
    head = stream.read(5)
    stream.seek(position)
    if len(head) < 5:
        raise ValueError(TRUNCATED)
    if not head.startswith(MATRIX_STARTS) and not set(head) <= TEXT_START:
        raise ValueError(f"it begins with {head!r}")


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
