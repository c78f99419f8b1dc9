"""Random changes to training clips: per clip in the loader, per batch on the training device."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from asda.dataset.data_config import AugmentConfig


def waveform_gain(rng: np.random.Generator) -> float:
    """Draw the factor that `gain` scales a waveform by: Beta(10, 10) + 0.5 (algorithm.md 2.2)."""
    return float(rng.beta(10, 10)) + 0.5


def augment_waveform(
    waveform: np.ndarray, config: AugmentConfig, rng: np.random.Generator
) -> np.ndarray:
    """Roll and scale a mono waveform (samples,) (algorithm.md 2.2).

    The features' removal of its mean may come before or after: a roll and a factor commute with it.
    """
    if config.roll:
        waveform = np.roll(waveform, rng.integers(len(waveform)))
    if config.gain:
        waveform = waveform * np.float32(waveform_gain(rng))
    return waveform


def augment_log_mel(
    log_mel: np.ndarray, config: AugmentConfig, rng: np.random.Generator
) -> np.ndarray:
    """Roll by whole frames and add a gain to log-mel features (frames, mel) before normalisation.

    It stands in for `augment_waveform` where only features were kept: a roll that is no multiple
    of the frame shift, and values at the floor, come out differently.
    """
    if config.roll:
        log_mel = np.roll(log_mel, rng.integers(len(log_mel)), axis=0)
    if config.gain:
        log_mel = log_mel + np.float32(2 * np.log(waveform_gain(rng)))
    return log_mel


def disturb(log_mel: np.ndarray, config: AugmentConfig, rng: np.random.Generator) -> np.ndarray:
    """Change what log-mel features (frames, mel) tell of another speaker, place and recording."""
    log_mel = warp(log_mel, config, rng)
    if config.level:
        decibels = rng.uniform(-config.level, config.level)
        log_mel = log_mel + np.float32(decibels / 10 * np.log(10))
    if config.edges:
        log_mel = move_edges(log_mel, config.edges, rng)
    if rng.random() < config.background:
        log_mel = add_background(log_mel, rng)
    return log_mel


def warp(log_mel: np.ndarray, config: AugmentConfig, rng: np.random.Generator) -> np.ndarray:
    """Change rate and pitch of log-mel features (frames, mel) by stretching either axis.

    Stretching the mel axis moves formants and pitch together, as another vocal tract would.
    """
    if config.stretch:
        rate = 1 + rng.uniform(-config.stretch, config.stretch)
        frames = max(1, round(len(log_mel) * rate))
        log_mel = _resample(log_mel, np.linspace(0, len(log_mel) - 1, frames), axis=0)
    if config.pitch:
        factor = 1 + rng.uniform(-config.pitch, config.pitch)
        bins = log_mel.shape[1]
        log_mel = _resample(log_mel, np.minimum(np.arange(bins) * factor, bins - 1), axis=1)
    return log_mel


def move_edges(log_mel: np.ndarray, frames: int, rng: np.random.Generator) -> np.ndarray:
    """Move the ends of a clip: cut frames off, or add some that sound like its quietest ones.

    Args:
        log_mel: (frames, mel)
        frames: most frames to add at an end; half as many may be cut off
    """
    cut = min(frames // 2, len(log_mel) // 6)
    first, last = rng.integers(-cut, frames + 1, size=2)
    quiet = np.percentile(log_mel, 5, axis=0).astype(np.float32)
    log_mel = log_mel[max(0, -first) : len(log_mel) - max(0, -last)]
    ends = [
        quiet + rng.standard_normal((max(0, number), len(quiet)), dtype=np.float32)
        for number in (first, last)
    ]
    return np.concatenate([ends[0], log_mel, ends[1]])


def add_background(log_mel: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add steady noise to log-mel features (frames, mel): its power adds to the power of the sound.

    Its level is 3 to 16 below the loudest value (13 to 70 dB), its ends are tilted by up to 2.
    """
    level = log_mel.max() - rng.uniform(3, 16)
    slope = rng.uniform(-2, 2)
    power = rng.gamma(2, 0.5, size=log_mel.shape) + 1e-4
    noise = level + np.linspace(-slope, slope, log_mel.shape[1]) + np.log(power)
    return np.logaddexp(log_mel, noise).astype(np.float32)


def augment_normalised(
    features: np.ndarray, config: AugmentConfig, rng: np.random.Generator
) -> np.ndarray:
    """Tilt the spectrum of, and add noise to, normalised features (frames, mel).

    The noise is the reference's (algorithm.md 2.4): U[0, 1) scaled by u/10 with one u per clip,
    then a roll by -10 to 9 frames.
    """
    if config.tilt:
        slope = rng.uniform(-config.tilt, config.tilt)
        features = features + np.linspace(-slope, slope, features.shape[1], dtype=np.float32)
    if config.noise:
        noise = rng.random(features.shape, dtype=np.float32)
        features = features + noise * np.float32(rng.random() / 10)
        features = np.roll(features, rng.integers(-10, 10), axis=0)
    return features


def _resample(matrix: np.ndarray, positions: np.ndarray, axis: int) -> np.ndarray:
    """Read a matrix at fractional positions along an axis, linearly interpolated."""
    low = np.floor(positions).astype(np.int64)
    high = np.minimum(low + 1, matrix.shape[axis] - 1)
    share = (positions - low).astype(np.float32)
    share = share[:, None] if axis == 0 else share[None, :]
    return matrix.take(low, axis) * (1 - share) + matrix.take(high, axis) * share


def mixup(
    features: Tensor, targets: Tensor, config: AugmentConfig, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Mix each clip of a batch with its mirror image in the batch (algorithm.md 12.2).

    Args:
        features: (batch, frames, mel), padded with zeros
        targets: (batch, classes)

    Returns:
        Mixed features and targets, and None, or the order of the partners, (batch,), by which
        lengths must be combined too.
    """
    if config.mixup_alpha == 0 or rng.random() >= config.mixup_probability:
        return features, targets, None
    draws = len(features) if config.mixup_per_clip else 1
    share = rng.beta(config.mixup_alpha, config.mixup_alpha, size=draws).astype(np.float32)
    share = torch.from_numpy(share).to(features.device)[:, None]
    order = torch.arange(len(features) - 1, -1, -1, device=features.device)
    mixed = features * share[..., None] + features[order] * (1 - share[..., None])
    return mixed, targets * share + targets[order] * (1 - share), order


def mask_stripes(features: Tensor, num_frames: Tensor | None, config: AugmentConfig) -> Tensor:
    """Zero one time stripe and one frequency stripe per clip: SpecAugment (algorithm.md 12.2).

    Args:
        features: normalised (batch, frames, mel); 0 is the mean of the training data
        num_frames: (batch,) real frames, None = all
    """
    batch, frames, bins = features.shape
    size = torch.full((batch,), float(frames), device=features.device)
    if num_frames is not None:
        size = num_frames.to(features.device, torch.float32)
    if config.time_mask:
        stripe = _stripe(frames, size, config.time_mask)
        features = features.masked_fill(stripe[:, :, None], 0.0)
    if config.freq_mask:
        stripe = _stripe(bins, torch.full_like(size, bins), config.freq_mask)
        features = features.masked_fill(stripe[:, None, :], 0.0)
    return features


def _stripe(positions: int, size: Tensor, ratio: float) -> Tensor:
    """Return (batch, positions) bool with one run of up to `ratio` of `size` set in each row."""
    width = torch.rand_like(size) * (size * ratio)
    start = (torch.rand_like(size) * (size - width)).floor()
    index = torch.arange(positions, device=size.device)
    return (index >= start[:, None]) & (index < (start + width.floor())[:, None])
