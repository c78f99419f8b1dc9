"""How much of the attention falls on frames without sound (docs/plots.md#attention-on-silence)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from asda.figures.attention_maps import AttentionMaps
from asda.figures.spectrogram import DECIBELS
from asda.model.model_config import ResolvedPatch

WITHIN_DB = 10.0
FLOOR_PERCENTILE = 5  # the softest frame alone may be an artefact
CONTRAST = 2  # times `within`: the least distance from the noise floor to the loudest frame

Query = Literal["all", "cls"]
QUANTITIES = ("map 1", "map 2", "difference", "difference, signed")


def quiet_frames(log_mel: np.ndarray, within: float = WITHIN_DB) -> np.ndarray | None:
    """Return which frames are without sound, (frames,) bool, or None if that cannot be told.

    The energy of a frame is the sum of its mel energies, in dB. The noise floor of a clip is the
    5th percentile of these energies. Frames without sound lie at most `within` dB above it. A clip
    whose loudest frame is less than twice as far above its noise floor has no such contrast.

    Args:
        log_mel: (frames, mel) float32, natural logarithms of energies
        within: dB above the noise floor
    """
    largest = log_mel.max(axis=1, keepdims=True)
    energy = np.exp(log_mel - largest, dtype=np.float64).sum(axis=1)
    level = DECIBELS * (np.log(energy) + largest[:, 0])
    floor = np.percentile(level, FLOOR_PERCENTILE)
    if level.max() < floor + CONTRAST * within:
        return None
    quiet: np.ndarray = level <= floor + within
    return quiet


def quiet_patches(quiet: np.ndarray, patch: ResolvedPatch, num_freq: int) -> np.ndarray:
    """Return the fraction of frames without sound in each patch of a clip, (patches,) float32.

    Frames that only fill the last patch up do not count.

    Args:
        quiet: (frames,) bool
        patch: length and stride of the patches
        num_freq: patches along frequency
    """
    starts = range(0, max(len(quiet) - patch.time, 0) + patch.time_stride, patch.time_stride)
    # If strides are longer than patches, the last patch may lie behind the clip.
    frames = [quiet[min(start, len(quiet) - 1) :][: patch.time] for start in starts]
    fractions = [each.mean() for each in frames]
    return np.repeat(np.array(fractions, np.float32), num_freq)


@dataclass
class SilenceShares:
    """Shares of the attention of one layer that fall on frames without sound.

    Attributes:
        by_quantity: the share of each clip (batch,) float64, by the names in QUANTITIES; only
            "map 1" for a model with standard attention
        uniform: the share of frames, which attention that is uniform over patches would give,
            (batch,) float64
    """

    by_quantity: dict[str, Tensor]
    uniform: Tensor


def silence_shares(maps: AttentionMaps, quiet: Tensor, query: Query = "all") -> SilenceShares:
    """Measure the maps of a batch.

    Of each row of a map, the weights on patches are divided by their sum, and those on frames
    without sound are summed; the mean over heads and queries is the share of a clip. The weight of
    CLS as a key does not count: it has no time. The difference of two maps has negative weights.
    "difference" takes its positive part; "difference, signed" is the sum of the signed weights on
    frames without sound over the sum of all signed weights, over all rows, and may leave 0 to 1.

    Args:
        maps: of one layer
        quiet: fraction of frames without sound of each patch (batch, patches) float32, -1 where a
            clip has no patch
        query: which tokens attend: "all" valid ones, or "cls" alone
    """
    valid = (quiet >= 0).double()
    quiet = quiet.clamp(min=0).double()
    tokens = F.pad(valid, (1, 0), value=1.0)  # (batch, 1 + patches), CLS first
    if query == "cls":
        tokens[:, 1:] = 0

    def weights(attention: Tensor) -> Tensor:
        return attention[..., 1:].double() * valid[:, None, None]

    found = {"map 1": _mean_share(weights(maps.first), quiet, tokens)}
    if maps.second is not None:
        difference = weights(maps.difference)
        found["map 2"] = _mean_share(weights(maps.second), quiet, tokens)
        found["difference"] = _mean_share(difference.clamp(min=0), quiet, tokens)
        found["difference, signed"] = _pooled_share(difference, quiet, tokens)
    return SilenceShares(found, (quiet * valid).sum(1) / valid.sum(1))


def _mean_share(weights: Tensor, quiet: Tensor, tokens: Tensor) -> Tensor:
    """Return the mean over heads and queries of each row's share (batch,).

    Args:
        weights: (batch, heads, 1 + patches, patches), not negative
        quiet: (batch, patches)
        tokens: (batch, 1 + patches), 1 for the queries that count
    """
    shares = (weights @ quiet[:, None, :, None])[..., 0]  # (batch, heads, 1 + patches)
    # A row whose weight lies wholly on CLS has a sum of 0, and a share of 0.
    shares = shares / weights.sum(3).clamp(min=torch.finfo(weights.dtype).tiny)
    return (shares.mean(1) * tokens).sum(1) / tokens.sum(1)


def _pooled_share(weights: Tensor, quiet: Tensor, tokens: Tensor) -> Tensor:
    """Return the share of the sum of all rows (batch,); arguments as in `_mean_share`."""
    over_heads = weights.sum(1)  # (batch, 1 + patches, patches)
    by_patch = (tokens[:, None] @ over_heads)[:, 0]
    return (by_patch * quiet).sum(1) / by_patch.sum(1)
