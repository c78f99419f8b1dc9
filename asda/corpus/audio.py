"""Reading audio of any usual kind."""

from __future__ import annotations

import numpy as np
import soundfile
import soxr


class AudioError(ValueError):
    """Audio that cannot be used, and why."""


def read_audio(source, sample_rate=16000, channel=None, start=0.0, end=None):
    x, rate = soundfile.read(source, dtype="float32", always_2d=True)
    x = x[int(start * rate) : None if end is None else int(end * rate)]
    x = x.mean(1) if channel is None else x[:, channel]
    return x if rate == sample_rate else soxr.resample(x, rate, sample_rate)


def audio_duration(source):
    return soundfile.info(source).duration
