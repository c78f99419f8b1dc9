"""Parse wav.scp values: a file, a location in a file, or a command (standard library only)."""

from __future__ import annotations

import os
import re
from typing import NamedTuple


class AudioSegment(NamedTuple):
    """Audio of an utterance.

    Args:
        source: value of wav.scp
        start: seconds into the audio
        end: seconds into the audio; None = to its end
    """

    source: str
    start: float = 0.0
    end: float | None = None


class PackedClip(NamedTuple):
    """A clip in an HDF5 file, written `file.h5@rate:clip` in wav.scp.

    Args:
        path: the HDF5 file
        rate: sample rate in Hz
        clip: row of the dataset `waveform`, or name of a dataset that is one clip
    """

    path: str
    rate: int
    clip: str

    def __str__(self) -> str:
        return f"{self.path}@{self.rate}:{self.clip}"


def packed_clip(source: str) -> PackedClip | None:
    """Parse `file.h5@rate:clip`; return None for any other form of source."""
    found = re.fullmatch(r"(.+\.(?:h5|hdf5))@(\d+):(.+)", source)
    return PackedClip(found[1], int(found[2]), found[3]) if found else None


def split_source(source: str) -> tuple[str | None, int | str | None]:
    """Split a source into the file it reads and the location within it.

    The location is a byte offset in an archive, or a clip in an HDF5 file; None is the whole file.
    For a command (a value that ends with `|`) both are None.
    """
    if source.endswith("|"):
        return None, None
    if packed := packed_clip(source):
        return packed.path, packed.clip
    archived = re.fullmatch(r"(.+):(\d+)", source)
    if archived and not os.path.exists(source):
        return archived[1], int(archived[2])
    return source, None
