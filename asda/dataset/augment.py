"""Random changes of training clips: per clip in the loader, per batch on the training device."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from asda.dataset.data_config import AugmentConfig
from asda.features.interpolation import interpolated
from asda.features.matrix import Matrix, Values, read


def waveform_gain(rng: np.random.Generator) -> float:
    """Draw the factor of `gain`: Beta(10, 10) + 0.5 (docs/algorithm.md#waveform)."""
    return float(rng.beta(10, 10)) + 0.5


def augment_waveform(
    waveform: np.ndarray, config: AugmentConfig, rng: np.random.Generator
) -> np.ndarray:
    """Roll and scale a mono waveform (samples,) (docs/algorithm.md#waveform).

    The filterbank may remove the mean before or after this: both changes commute with it.
    """
    if config.roll:
        waveform = np.roll(waveform, rng.integers(len(waveform)))
    if config.gain:
        waveform = waveform * np.float32(waveform_gain(rng))
    return waveform


def augment_log_mel(log_mel: Matrix, config: AugmentConfig, rng: np.random.Generator) -> Matrix:
    """Roll log-mel features (frames, mel) by whole frames and add the gain in the log domain.

    Stands in for `augment_waveform` where only features are at hand. Two things differ: rolls by a
    fraction of the frame shift, and values at the energy floor. Features that do not change are
    not read.
    """
    if not (config.roll or config.gain):
        return log_mel
    values = read(log_mel)
    if config.roll:
        values = np.roll(values, rng.integers(len(values)), axis=0)
    if config.gain:
        values = values + np.float32(2 * np.log(waveform_gain(rng)))
    return Values(values)


def perturb(log_mel: Matrix, config: AugmentConfig, rng: np.random.Generator) -> Matrix:
    """Imitate another speaker, room and recording in log-mel features (frames, mel).

    Changes tempo, vocal tract length, level, start and end, and adds background noise, each as
    configured. Features that do not change are not read.
    """
    if not config.perturbs:
        # `background` costs one draw even if it is 0. Draws that follow, such as the crop, then
        # do not depend on whether it is set.
        rng.random()
        return log_mel
    values = warp(read(log_mel), config, rng)
    if config.level:
        decibels = rng.uniform(-config.level, config.level)
        values = values + np.float32(decibels / 10 * np.log(10))
    if config.edges:
        values = move_edges(values, config.edges, rng)
    if rng.random() < config.background:
        values = add_background(values, rng)
    return Values(values)


def warp(log_mel: np.ndarray, config: AugmentConfig, rng: np.random.Generator) -> np.ndarray:
    """Stretch the axes of log-mel features (frames, mel): tempo and vocal tract length.

    Stretching the mel axis (VTLP) moves formants and pitch together.
    """
    if config.stretch:
        rate = 1 + rng.uniform(-config.stretch, config.stretch)
        frames = max(1, round(len(log_mel) * rate))
        log_mel = interpolated(log_mel, np.linspace(0, len(log_mel) - 1, frames), axis=0)
    if config.pitch:
        factor = 1 + rng.uniform(-config.pitch, config.pitch)
        bins = log_mel.shape[1]
        log_mel = interpolated(log_mel, np.minimum(np.arange(bins) * factor, bins - 1), axis=1)
    return log_mel


def move_edges(log_mel: np.ndarray, frames: int, rng: np.random.Generator) -> np.ndarray:
    """Trim or pad either end of a clip at random, with noise at the level of its quietest frames.

    Args:
        log_mel: (frames, mel)
        frames: largest number of frames to add at an end; half as many may be trimmed, but no
            more than a sixth of the clip
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
    """Add stationary noise to log-mel features (frames, mel); powers add up.

    Its level lies 3 to 16 (13 to 70 dB) below the loudest value, and its spectrum is tilted by up
    to 2 at either end.
    """
    level = log_mel.max() - rng.uniform(3, 16)
    slope = rng.uniform(-2, 2)
    power = rng.gamma(2, 0.5, size=log_mel.shape) + 1e-4
    noise = level + np.linspace(-slope, slope, log_mel.shape[1]) + np.log(power)
    return np.logaddexp(log_mel, noise).astype(np.float32)


def augment_normalised(
    features: np.ndarray, config: AugmentConfig, rng: np.random.Generator
) -> np.ndarray:
    """Tilt the spectrum of normalised features (frames, mel) and add noise.

    The noise is that of the reference (docs/algorithm.md#augmentation): U[0, 1) times u / 10, with
    one u from U[0, 1) per clip, followed by a roll of -10 to 9 frames.
    """
    if config.tilt:
        slope = rng.uniform(-config.tilt, config.tilt)
        features = features + np.linspace(-slope, slope, features.shape[1], dtype=np.float32)
    if config.noise:
        noise = rng.random(features.shape, dtype=np.float32)
        features = features + noise * np.float32(rng.random() / 10)
        features = np.roll(features, rng.integers(-10, 10), axis=0)
    return features


def mixup(
    features: Tensor, targets: Tensor, config: AugmentConfig, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Mix each clip of a batch with its mirror image in the batch (docs/algorithm.md#augmentation).

    Args:
        features: (batch, frames, mel), padded with zeros
        targets: (batch, classes)

    Returns:
        Mixed features and targets, and the indices of the partners, (batch,), which the caller
        needs to combine lengths; None instead of indices if the batch is not mixed.
    """
    if config.mixup_alpha == 0 or rng.random() >= config.mixup_probability:
        return features, targets, None
    draws = len(features) if config.mixup_per_clip else 1
    drawn = rng.beta(config.mixup_alpha, config.mixup_alpha, size=draws).astype(np.float32)
    lam = torch.from_numpy(drawn).to(features.device, non_blocking=True)[:, None]  # (batch or 1, 1)
    partners = torch.arange(len(features) - 1, -1, -1, device=features.device)
    mixed = features * lam[..., None] + features[partners] * (1 - lam[..., None])
    return mixed, targets * lam + targets[partners] * (1 - lam), partners


def mask_stripes(features: Tensor, num_frames: Tensor | None, config: AugmentConfig) -> Tensor:
    """Zero stripes of time and of frequency, as SpecAugment does.

    See docs/algorithm.md#augmentation.

    Args:
        features: normalised (batch, frames, mel); 0 is the mean of the training data
        num_frames: (batch,) valid frames, None = all
    """
    batch, frames, bins = features.shape
    size = torch.full((batch,), float(frames), device=features.device)
    if num_frames is not None:
        size = num_frames.to(features.device, torch.float32)
    if config.time_mask:
        stripe = _stripes(frames, size, config.time_mask, config.time_masks)
        features = features.masked_fill(stripe[:, :, None], 0.0)
    if config.freq_mask:
        size = torch.full_like(size, bins)
        stripe = _stripes(bins, size, config.freq_mask, config.freq_masks)
        features = features.masked_fill(stripe[:, None, :], 0.0)
    return features


def _stripes(positions: int, size: Tensor, ratio: float, number: int) -> Tensor:
    """Return (batch, positions) bool; as `_stripe`, of several runs, which may overlap."""
    stripes = _stripe(positions, size, ratio)
    for _ in range(number - 1):
        stripes |= _stripe(positions, size, ratio)
    return stripes


def _stripe(positions: int, size: Tensor, ratio: float) -> Tensor:
    """Return (batch, positions) bool; each row has one run of True, up to `ratio` of its `size`."""
    width = torch.rand_like(size) * (size * ratio)
    start = (torch.rand_like(size) * (size - width)).floor()
    index = torch.arange(positions, device=size.device)
    return (index >= start[:, None]) & (index < (start + width.floor())[:, None])
