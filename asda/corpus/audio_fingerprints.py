"""Fingerprints of audio, by which a dump or a check recognises audio that it has already read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from asda.audio.wav_scp import AudioSegment, split_source
from asda.digests import value_digest


def audio_fingerprints(segments: Mapping[str, AudioSegment]) -> dict[str, str]:
    """Return utterance -> digest that changes with its line in wav.scp, its segment or its file.

    A file is identified by path, size and time of change, so no audio is read.
    """
    with ThreadPoolExecutor(16) as threads:  # network disks are slow, but serve many at once
        stamps = threads.map(_stamp, (segment.source for segment in segments.values()))
        return {
            utterance: value_digest([stamp, segment.start, segment.end])
            for (utterance, segment), stamp in zip(segments.items(), stamps, strict=True)
        }


def _stamp(audio: str) -> list[str | int | None]:
    """Return what identifies the audio that a value of wav.scp refers to."""
    path, offset = split_source(audio)
    if path is None:
        return [audio]
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # whoever reads it reports the fault
        return [os.path.abspath(path), offset]
    return [os.path.abspath(path), offset, status.st_size, status.st_mtime_ns]
