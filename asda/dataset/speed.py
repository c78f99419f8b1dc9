"""Speed perturbation: audio played faster or slower, so that pitch and formants move along.

T. Ko et al., Audio augmentation for speech recognition, Interspeech 2015.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import soxr

from asda.features.fbank_config import FbankConfig
from asda.features.interpolation import interpolated


def draw_speed(
    factors: Sequence[float], frames: int, shortest: int, longest: int, rng: np.random.Generator
) -> float:
    """Draw how many times as fast a clip is played; 1 and no draw without factors.

    A clip that fits into the model is not slowed down beyond its longest input, since cropping
    would part it from its transcript, and none is made too short.

    Args:
        factors: one of which is drawn
        frames: length of the clip
        shortest: number of frames that a clip must have
        longest: number of frames beyond which clips are cropped
    """
    if not factors:
        return 1.0
    drawn = factors[int(rng.integers(len(factors)))]
    slowest = frames / longest if frames <= longest else 0.0
    return min(max(drawn, slowest), max(1.0, frames / shortest))


def at_speed(waveform: np.ndarray, factor: float) -> np.ndarray:
    """Return a waveform (samples,) as it sounds when played `factor` times as fast."""
    if factor == 1:
        return waveform
    resampled: np.ndarray = soxr.resample(waveform, factor, 1.0)
    return resampled


def log_mel_at_speed(log_mel: np.ndarray, factor: float, config: FbankConfig) -> np.ndarray:
    """Return log-mel features (frames, mel) that approximate the audio at another speed.

    Time t moves to t / factor, and frequency h to factor · h, along the spacing of the filterbank.
    Filters above the highest frequency that slower audio reaches get the lowest value of the clip.
    Features of real audio at that speed are not smoothed by interpolation. Two smaller effects are
    left out: wider filters collect more energy, and pre-emphasis raises higher frequencies.

    Args:
        log_mel: not normalised
        factor: how many times as fast
        config: settings with which they were computed
    """
    if factor == 1:
        return log_mel
    frames = max(1, round(len(log_mel) / factor))
    times = np.minimum(np.arange(frames) * factor, len(log_mel) - 1)
    positions, last = _origins(config, factor), config.num_mel_bins - 1
    moved = interpolated(log_mel, times, axis=0)
    moved = interpolated(moved, np.clip(positions, 0, last), axis=1)
    return np.where(positions <= last + 1, moved, log_mel.min())


@functools.lru_cache
def _origins(config: FbankConfig, factor: float) -> np.ndarray:
    """Return the position among the old filters of each filter's new content, (mel,)."""
    peaks = [config.filter_frequency(n + 1) for n in range(config.num_mel_bins)]
    return np.array([config.filter_position(peak / factor) - 1 for peak in peaks])
