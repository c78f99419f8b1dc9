"""Find AudioSet's clips in a folder, in any of the usual layouts.

A clip is a file YTID.EXT, YTID_START.EXT, YTID_START_END.EXT or YTID_START-END.EXT at any depth,
with times in seconds or milliseconds and an optional leading Y; or an entry with such a name in an
HDF5 file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from segments import Segment

from asda.audio.audio_error import AudioError
from asda.audio.wav_scp import PackedClip
from asda.corpus.audio_folder import visible_files
from asda.files import InputError

# In order of preference. libsndfile reads FORMATS; FOREIGN formats need ffmpeg.
FORMATS = (".wav", ".flac", ".ogg", ".opus", ".mp3")
FOREIGN = (".m4a", ".mp4", ".aac", ".webm", ".mka", ".mkv", ".wma")
PACKS = (".h5", ".hdf5")
TIMES = re.compile(r"_(\d+(?:\.\d+)?)(?:[_-]\d+(?:\.\d+)?)?")
VIDEO = 11  # characters in a YouTube ID


class Audio(NamedTuple):
    """Audio found in a folder; sources are values of wav.scp.

    Args:
        first: video -> preferred source
        others: video -> further sources of the same clip, by preference
        elsewhere: sources of listed videos whose times differ from the list
        unclear: sources of listed videos whose names go on with something else than times
        unlisted: sources whose video is not listed
    """

    first: dict[str, str]
    others: dict[str, list[str]]
    elsewhere: list[str]
    unclear: list[str]
    unlisted: list[str]


def find_audio(folder: Path, segments: Mapping[str, Segment], rate: int | None) -> Audio:
    """Find the clips of the listed segments in a folder.

    Args:
        folder: searched recursively
        segments: video -> segment
        rate: sample rate (Hz) of HDF5 files without the attribute `sample_rate`
    """
    audio = Audio({}, {}, [], [], [])
    for name, source in _named_sources(str(folder), rate):
        video = match(name, segments)
        if video is None:
            _unmatched(name, segments, audio).append(source)
        elif video in audio.first:
            audio.others.setdefault(video, []).append(source)
        else:
            audio.first[video] = source
    for video, others in audio.others.items():
        audio.first[video], *others[:] = sorted([audio.first[video], *others], key=_preference)
    return audio


def _unmatched(name: str, segments: Mapping[str, Segment], audio: Audio) -> list[str]:
    """Return which list of `audio` a name belongs to that stands for no listed segment."""
    rests = [text[VIDEO:] for text in _spellings(name) if text[:VIDEO] in segments]
    if not rests:
        return audio.unlisted
    return audio.elsewhere if any(map(TIMES.fullmatch, rests)) else audio.unclear


def _spellings(name: str) -> tuple[str, ...]:
    return (name, name[1:]) if name.startswith("Y") else (name,)


def match(name: str, segments: Mapping[str, Segment]) -> str | None:
    """Return the listed video that a file name (without extension) stands for, if any."""
    for text in _spellings(name):
        video, times = text[:VIDEO], text[VIDEO:]
        segment = segments.get(video)
        if segment and (not times or _is_start(times, segment.start)):
            return video
    return None


def _is_start(times: str, start: float) -> bool:
    found = TIMES.fullmatch(times)
    if found is None:
        return False
    time = float(found[1])  # in seconds or milliseconds, perhaps rounded to whole seconds
    in_seconds = abs(time - start) < 1
    # No list has times below a second, so 30 are seconds even where a segment starts at 0.
    return in_seconds or (time >= 1000 and abs(time / 1000 - start) < 1)


def _preference(source: str) -> tuple[bool, int, str]:
    """Sort key: names with times first, since they are certainly this segment; then by format."""
    stem, ending = os.path.splitext(os.path.basename(source))
    order = (*FORMATS, *FOREIGN)
    rank = order.index(ending.lower()) if ending.lower() in order else len(order)
    return len(stem) <= VIDEO + 1, rank, source


def _named_sources(folder: str, rate: int | None) -> Iterator[tuple[str, str]]:
    """Yield (name without extension, source) for all audio."""
    for path in visible_files(folder):
        stem, ending = os.path.splitext(os.path.basename(path))
        if ending.lower() in (*FORMATS, *FOREIGN):
            yield stem, path
        elif ending.lower() in PACKS:
            yield from _packed_sources(path, rate)


def _packed_sources(path: str, rate: int | None) -> Iterator[tuple[str, str]]:
    from asda.audio.hdf5 import packed_clips, stated_rate

    try:
        rate = stated_rate(path) or rate
        if rate is None:
            raise InputError(
                f"{path}: no attribute sample_rate; give the rate, for example --hdf5-rate 32000"
            )
        for name, clip in packed_clips(path):
            stem = os.path.splitext(os.path.basename(name))[0]
            yield stem, str(PackedClip(path, rate, clip))
    except AudioError as error:
        raise InputError(str(error)) from None
