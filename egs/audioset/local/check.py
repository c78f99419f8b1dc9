"""Decide from file headers which clips can be used."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import NamedTuple

from audio_files import FOREIGN, Audio

from asda.audio.waveform import AudioError, audio_duration

SHORTEST = 10000 / 32000  # seconds; the reference skips clips of fewer samples at 32 kHz
# Network file systems have high latency but serve many requests in parallel.
THREADS, CHUNK = 16, 1000


class Usable(NamedTuple):
    """A usable clip; `seconds` is None if only decoding could tell its duration."""

    source: str
    seconds: float | None


def check_audio(audio: Audio) -> tuple[dict[str, Usable], dict[str, str]]:
    """Return video -> usable clip, and video -> problem, for all clips found.

    Of several copies of a clip the first usable one is taken.
    """
    usable: dict[str, Usable] = {}
    broken: dict[str, str] = {}
    with ThreadPoolExecutor(THREADS) as threads:
        for results in threads.map(lambda part: _check(part, audio.others), _chunks(audio.first)):
            for video, result in results:
                if isinstance(result, str):
                    broken[video] = result
                else:
                    usable[video] = result
    return usable, broken


def _chunks(table: Mapping[str, str]) -> Iterable[list[tuple[str, str]]]:
    items = iter(table.items())
    return iter(lambda: list(islice(items, CHUNK)), [])


def _check(
    part: list[tuple[str, str]], others: Mapping[str, list[str]]
) -> list[tuple[str, Usable | str]]:
    return [(video, _first_usable([source, *others.get(video, ())])) for video, source in part]


def _first_usable(sources: list[str]) -> Usable | str:
    problems = []
    for source in sources:
        try:
            return Usable(source, _seconds(source))
        except AudioError as error:
            problems.append(str(error))
    return problems[0]


def _seconds(source: str) -> float | None:
    if os.path.splitext(source)[1].lower() in FOREIGN:
        if not shutil.which("ffmpeg"):
            raise AudioError("unreadable: this format needs ffmpeg")
        return None
    seconds = audio_duration(source)
    if seconds < SHORTEST:
        raise AudioError(f"too short: {seconds:.2f} s")
    return seconds
