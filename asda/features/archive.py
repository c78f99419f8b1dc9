"""Kaldi archives of matrices; the only module that knows kaldiio."""

from __future__ import annotations

import os
import struct
from collections import OrderedDict
from typing import Any

import kaldiio
import numpy as np

from asda.files import InputError

OPEN_FILES = 64
HEADER = struct.Struct("<ffii")  # minimum, range, rows, columns of a compressed matrix
LONGEST_HEADER = 22


class ArchiveReader:
    """Reads matrices at random, keeping the last archives open; may be copied to workers."""

    def __init__(self):
        self._open: OrderedDict[str, int] = OrderedDict()

    def read(self, specifier: str, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Return rows start..stop of a matrix, (frames, mel) float32.

        Args:
            specifier: the value of a feats.scp line, `path.ark:offset`
        """
        path, _, offset = specifier.rpartition(":")
        if not path or not offset.isdigit():
            return self._general(specifier)[start:stop]
        try:
            descriptor = self._descriptor(path)
            matrix = self._read(descriptor, int(offset), start, stop)
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}; make the dump again") from None
        except (ValueError, struct.error):
            raise InputError(
                f"{specifier}: no whole matrix there; check with utils/check_dump.sh"
            ) from None
        return self._general(specifier)[start:stop] if matrix is None else matrix

    def _read(self, fd: int, offset: int, start: int, stop: int | None) -> np.ndarray | None:
        """Read the plain forms of a matrix directly; None for the others."""
        head = os.pread(fd, LONGEST_HEADER, offset)
        for token, kind, levels in ((b"\0BCM2 ", "<u2", 65535), (b"\0BCM3 ", "u1", 255)):
            if head.startswith(token):
                low, spread, rows, columns = HEADER.unpack_from(head, len(token))
                begin = offset + len(token) + HEADER.size
                codes = _rows(fd, begin, np.dtype(kind), rows, columns, start, stop)
                return codes * np.float32(spread / levels) + np.float32(low)
        if head.startswith(b"\0BFM "):
            _, rows, _, columns = struct.unpack_from("<bibi", head, 5)
            return _rows(fd, offset + 15, np.dtype("<f4"), rows, columns, start, stop)
        if head.startswith((b"\0BCM ", b"\0BDM ")):
            return None
        raise ValueError

    @staticmethod
    def _general(specifier: str) -> np.ndarray:
        try:
            return np.array(kaldiio.load_mat(specifier), dtype=np.float32)
        except (OSError, ValueError, AssertionError, struct.error) as error:
            raise InputError(f"{specifier}: cannot be read as a matrix ({error})") from None

    def _descriptor(self, path: str) -> int:
        if path in self._open:
            self._open.move_to_end(path)
        else:
            self._open[path] = os.open(path, os.O_RDONLY)
            if len(self._open) > OPEN_FILES:
                os.close(self._open.popitem(last=False)[1])
        return self._open[path]

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__()


def _rows(
    fd: int, begin: int, kind: np.dtype, rows: int, columns: int, start: int, stop: int | None
) -> np.ndarray:
    first, last, _ = slice(start, stop).indices(rows)
    size = (last - first) * columns * kind.itemsize
    data = os.pread(fd, size, begin + first * columns * kind.itemsize)
    if len(data) < size:
        raise ValueError
    return np.frombuffer(data, kind).reshape(last - first, columns)
