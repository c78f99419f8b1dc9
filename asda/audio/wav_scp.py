"""Parse wav.scp values: a file, a location in a file, or a command (standard library only)."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from asda.audio.audio_error import AudioError

NO_PIPES = "ASDA_NO_PIPES"


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


def is_command(source: str) -> bool:
    """Return whether a value of wav.scp is a command that writes audio to its output."""
    return source.endswith("|")


def forbid_commands() -> None:
    """Let this process and all that it starts refuse commands in wav.scp and feats.scp.

    An environment variable says so, since threads, workers of data loaders, processes of torchrun
    and jobs all read audio; settings would have to reach each of them by a way of its own.
    """
    os.environ[NO_PIPES] = "1"


def commands_are_forbidden() -> bool:
    """Return whether `forbid_commands` was called, here or by what started this process."""
    return bool(os.environ.get(NO_PIPES))


def refuse_if_forbidden() -> None:
    """Refuse a command of wav.scp or feats.scp that is about to run, if commands are forbidden.

    Raises:
        AudioError: if `forbid_commands` was called.
    """
    if commands_are_forbidden():
        raise AudioError(
            "a command, which --no-pipes forbids; write its output to a file and name that instead"
        )


def can_be_listed(name: str) -> bool:
    """Return whether wav.scp can hold the name of a file or clip, and reads it as nothing else.

    Values lose white space at their ends, and one that ends with | is a command.
    """
    return not is_command(name) and name == name.strip() and "\n" not in name


def packed_clip(source: str) -> PackedClip | None:
    """Parse `file.h5@rate:clip`; return None for any other form of source."""
    found = re.fullmatch(r"(.+\.(?:h5|hdf5))@(\d+):(.+)", source)
    return PackedClip(found[1], int(found[2]), found[3]) if found else None


def split_source(source: str) -> tuple[str | None, int | str | None]:
    """Split a source into the file it reads and the location within it.

    The location is a byte offset in an archive, or a clip in an HDF5 file; None is the whole file.
    For a command (a value that ends with `|`) both are None.
    """
    if is_command(source):
        return None, None
    if packed := packed_clip(source):
        return packed.path, packed.clip
    archived = re.fullmatch(r"(.+):(\d+)", source)
    if archived and not os.path.exists(source):
        return archived[1], int(archived[2])
    return source, None
