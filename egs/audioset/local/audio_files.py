"""The audio of AudioSet, in whatever form it lies in a folder.

A clip is a file YTID.EXT, YTID_START.EXT or YTID_START_END.EXT, with times in seconds or in
milliseconds, with or without a Y before, at any depth; or one of these names in an HDF5 file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from segments import Segment

from asda.corpus.wav_scp import PackedClip
from asda.files import InputError

# In order of preference; libsndfile knows those before FOREIGN, which take ffmpeg.
FORMATS = (".wav", ".flac", ".ogg", ".opus", ".mp3")
FOREIGN = (".m4a", ".mp4", ".aac", ".webm", ".mka", ".mkv", ".wma")
PACKS = (".h5", ".hdf5")
TIMES = re.compile(r"_(\d+(?:\.\d+)?)(?:_\d+(?:\.\d+)?)?")
VIDEO = 11  # characters of a YouTube id


class Audio(NamedTuple):
    """What was found: sources (values of wav.scp) by video, and audio that is of no use.

    Args:
        first: video -> source to take
        others: video -> further sources of the same clip, by preference
        elsewhere: names whose times are not those of the list
        unlisted: names of videos that are in no list
    """

    first: dict[str, str]
    others: dict[str, list[str]]
    elsewhere: list[str]
    unlisted: list[str]


def find_audio(folder: Path, segments: Mapping[str, Segment], rate: int | None) -> Audio:
    """Find the clips of segments in a folder.

    Args:
        folder: searched with all folders in it
        segments: by video
        rate: of HDF5 files that do not state theirs, in Hz
    """
    audio = Audio({}, {}, [], [])
    for name, source in _named_sources(str(folder), rate):
        video = match(name, segments)
        if video is None:
            known = any(text in segments for text in (name[:VIDEO], name[1 : VIDEO + 1]))
            (audio.elsewhere if known else audio.unlisted).append(source)
        elif video in audio.first:
            audio.others.setdefault(video, []).append(source)
        else:
            audio.first[video] = source
    for video, others in audio.others.items():
        audio.first[video], *others[:] = sorted([audio.first[video], *others], key=_preference)
    return audio


def match(name: str, segments: Mapping[str, Segment]) -> str | None:
    """Return the video whose segment a file name without its ending stands for."""
    for text in (name, name[1:]) if name.startswith("Y") else (name,):
        video, times = text[:VIDEO], text[VIDEO:]
        segment = segments.get(video)
        if segment and (not times or _is_start(times, segment.start)):
            return video
    return None


def _is_start(times: str, start: float) -> bool:
    found = TIMES.fullmatch(times)
    # names may have whole seconds where the list has fractions
    return (
        bool(found) and min(abs(float(found[1]) - start), abs(float(found[1]) / 1000 - start)) < 1
    )


def _preference(source: str) -> tuple[bool, int, str]:
    """Sort names with times first: they are of this very segment; then by format."""
    stem, ending = os.path.splitext(os.path.basename(source))
    order = (*FORMATS, *FOREIGN)
    place = order.index(ending.lower()) if ending.lower() in order else len(order)
    return len(stem) <= VIDEO + 1, place, source


def _named_sources(folder: str, rate: int | None) -> Iterator[tuple[str, str]]:
    """Yield (name without ending, source) of all audio; one listing for each folder."""
    folders, seen = [folder], set()
    while folders:
        folder = folders.pop()
        if os.path.realpath(folder) in seen:
            continue
        seen.add(os.path.realpath(folder))
        with os.scandir(folder) as entries:
            for entry in entries:
                stem, ending = os.path.splitext(entry.name)
                if ending.lower() in (*FORMATS, *FOREIGN):
                    yield stem, entry.path
                elif ending.lower() in PACKS:
                    yield from _packed_sources(entry.path, rate)
                elif entry.is_dir():
                    folders.append(entry.path)


def _packed_sources(path: str, rate: int | None) -> Iterator[tuple[str, str]]:
    from asda.corpus.hdf5 import packed_clips, stated_rate

    try:
        rate = stated_rate(path) or rate
        if rate is None:
            raise InputError(
                f"{path}: does not state its sample_rate: say --hdf5-rate 32000, or so"
            )
        for name, clip, _ in packed_clips(path):
            stem = os.path.splitext(os.path.basename(name))[0]
            yield stem, str(PackedClip(path, rate, clip))
    except ImportError:
        raise InputError(f"{path}: HDF5 files need h5py: pip install h5py") from None
    except OSError as error:
        raise InputError(f"{path}: {error}; is the file whole?") from None
