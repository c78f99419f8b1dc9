"""Audio of a wav.scp entry: files, segments of files, archives and commands."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import numpy as np
import soundfile
import soxr

OVERSHOOT = 0.5  # seconds that a segment may reach beyond the audio; rounded times do


class AudioError(ValueError):
    """Audio cannot be used; one line: why."""


def read_audio(
    source: str,
    sample_rate: int = 16000,
    channel: int | None = None,
    start: float = 0.0,
    end: float | None = None,
) -> np.ndarray:
    """Return audio as mono (samples,) float32 in [-1, 1), at `sample_rate` (algorithm.md 2.2).

    Args:
        source: value of wav.scp: a file, `file.ark:offset`, or `command |` that writes audio;
            any format of libsndfile (WAV, FLAC, Ogg, MP3 ...), and files of others if there is
            ffmpeg
        sample_rate: Hz to resample to
        channel: channel to take, from 0; None = the mean of all
        start: seconds into the audio
        end: seconds into the audio; None = to its end

    Raises:
        AudioError: if it cannot be read, is empty, silent (all samples equal), shorter than the
            segment, or has samples that are not finite.
    """
    samples, rate = _decode(source, start, end)
    if not len(samples):
        raise AudioError(f"empty: no audio from {start:g} s" if start else "empty: no audio")
    if end is not None and start + len(samples) / rate < end - OVERSHOOT:
        raise AudioError(
            f"too short: ends at {start + len(samples) / rate:.2f} s, its segment at {end:g} s"
        )
    if channel is not None and channel >= samples.shape[1]:
        raise AudioError(f"no channel {channel}: there are {samples.shape[1]}, from 0")
    mono = samples.mean(axis=1) if channel is None else np.ascontiguousarray(samples[:, channel])
    if not np.isfinite(mono).all():
        raise AudioError("not finite: samples are NaN or infinite")
    if mono.min() == mono.max():
        raise AudioError(f"silent: all {len(mono)} samples are {mono[0]:g}")
    return _resampled(mono, rate, sample_rate)


def audio_duration(source: str) -> float:
    """Return seconds of audio, from its header where possible.

    Raises:
        AudioError: if it cannot be read.
    """
    try:
        with _opened(source) as audio:
            if _length_is_known(audio):
                return audio.frames / audio.samplerate
    except soundfile.LibsndfileError:
        pass
    samples, rate = _decode(source, 0.0, None)
    return len(samples) / rate
