"""Estimated durations of audio, from the sizes of files and the durations of some of them."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from asda.audio.wav_scp import AudioSegment, split_source
from asda.audio.waveform import AudioError, audio_duration

MEASURED = 16  # sources of each kind that are measured because they are the largest
SAMPLED = 50  # further ones that are measured, from which the rest is estimated
# Bytes per second that any audio has; a header that states a longer duration is not believed.
LEAST_RATE = 100


def estimated_seconds(
    segments: Mapping[str, AudioSegment], known: Mapping[str, float]
) -> dict[str, float]:
    """Return utterance -> estimated seconds of audio.

    Times of segments and known durations are taken as they are. For the other utterances the
    largest files and a sample of the rest are opened; in a group of files with the same suffix, the
    rest is taken to have as many seconds per byte as the sample. Commands and parts of archives
    have no size of their own, and count as long as the mean of their sample.

    Args:
        segments: utterance -> its audio
        known: utterance -> seconds, for some of them
    """
    found = {utterance: known[utterance] for utterance in segments if utterance in known}
    ends = {u: one.end for u, one in segments.items() if one.end is not None and u not in found}
    found |= {utterance: end - segments[utterance].start for utterance, end in ends.items()}
    lengths = _lengths({segment.source for u, segment in segments.items() if u not in found})
    for utterance, segment in segments.items():
        if utterance not in found:
            found[utterance] = lengths[segment.source] - segment.start
    return {
        utterance: max(0.0, seconds) if math.isfinite(seconds) else 0.0
        for utterance, seconds in found.items()
    }


def _lengths(sources: Iterable[str]) -> dict[str, float]:
    """Return source -> estimated seconds."""
    kinds: dict[str, list[tuple[int, str]]] = {}
    for source in sorted(sources):
        kind, size = _kind_and_size(source)
        kinds.setdefault(kind, []).append((size, source))
    lengths: dict[str, float] = {}
    for group in kinds.values():
        group.sort(reverse=True)
        lengths |= _lengths_of_kind([source for _, source in group], [size for size, _ in group])
    return lengths


def _kind_and_size(source: str) -> tuple[str, int]:
    """Return the suffix and the bytes of a file; of other sources a common kind and 1."""
    path, offset = split_source(source)
    if path is None or offset is not None:
        return "no file", 1
    try:
        return Path(path).suffix.lower(), os.path.getsize(path)
    except (OSError, ValueError):  # the job that reads it reports the fault
        return "missing", 0


def _lengths_of_kind(sources: Sequence[str], sizes: Sequence[int]) -> dict[str, float]:
    """Return source -> seconds of sources that are sorted by size, the largest first."""
    rest = range(MEASURED, len(sources))
    sample = rest[:: 1 + len(rest) // SAMPLED]
    measured = [*range(min(MEASURED, len(sources))), *sample]
    with ThreadPoolExecutor(16) as threads:
        found = threads.map(_measure, [sources[n] for n in measured])
        seconds = dict(zip(measured, found, strict=True))
    per_byte = sum(seconds[n] for n in sample) / max(1, sum(sizes[n] for n in sample))
    return {source: seconds.get(n, sizes[n] * per_byte) for n, source in enumerate(sources)}


def _measure(source: str) -> float:
    """Return the duration of audio, limited by the size of its file; 0 if it cannot be used."""
    try:
        seconds = audio_duration(source)
    except AudioError:
        return 0.0
    path, offset = split_source(source)
    if path is None or offset is not None:
        return seconds
    return min(seconds, os.path.getsize(path) / LEAST_RATE)
