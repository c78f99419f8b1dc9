"""What a value of wav.scp reads: a file, a place in one, or a command; standard library only."""

from __future__ import annotations

import os
import re
from typing import NamedTuple


class PackedClip(NamedTuple):
    """A clip in an HDF5 file, `file.h5@rate:clip` in wav.scp.

    Args:
        path: the file
        rate: samples a second
        clip: row of its dataset `waveform`, or the name of a dataset that is one clip
    """

    path: str
    rate: int
    clip: str

    def __str__(self) -> str:
        return f"{self.path}@{self.rate}:{self.clip}"


def packed_clip(source: str) -> PackedClip | None:
    """Return the clip in an HDF5 file that a source names, None if it is another source."""
    found = re.fullmatch(r"(.+\.(?:h5|hdf5))@(\d+):(.+)", source)
    return PackedClip(found[1], int(found[2]), found[3]) if found else None


def split_source(source: str) -> tuple[str | None, int | str | None]:
    """Return the file that a source reads, None for a command, and where in it, None for all.

    The place is a byte of an archive, or a clip of an HDF5 file.
    """
    if source.endswith("|"):
        return None, None
    if packed := packed_clip(source):
        return packed.path, packed.clip
    archived = re.fullmatch(r"(.+):(\d+)", source)
    if archived and not os.path.exists(source):
        return archived[1], int(archived[2])
    return source, None
