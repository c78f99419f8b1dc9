"""How much of the attention falls on frames without sound (docs/plots.md#attention-on-silence)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
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

    Padding in the last patch does not count.

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
        uniform: the share of attention that is uniform over all tokens (batch,) float64
    """

    by_quantity: dict[str, Tensor]
    uniform: Tensor


def silence_shares(maps: AttentionMaps, quiet: Tensor, query: Query = "all") -> SilenceShares:
    """Measure the maps of a batch.

    The share of a row is its weight on frames without sound over the sum of its weights, which
    includes that on CLS; the mean over heads and queries is the share of a clip. The difference of
    two maps has negative weights: "difference" takes its positive part, "difference, signed" the
    weights as they are, whose sum is 1 - λ in each row.

    Args:
        maps: attention maps of one layer
        quiet: fraction of frames without sound of each patch (batch, patches) float32, -1 where a
            clip has no patch
        query: which tokens attend: "all" valid ones, or "cls" alone
    """
    valid = F.pad((quiet >= 0).double(), (1, 0), value=1.0)  # (batch, 1 + patches), CLS first
    quiet = F.pad(quiet.clamp(min=0).double(), (1, 0))
    queries = valid.clone()
    if query == "cls":
        queries[:, 1:] = 0

    def share(weights: Tensor) -> Tensor:
        rows = (weights.double() @ quiet[:, None, :, None])[..., 0] / weights.double().sum(3)
        return (rows.mean(1) * queries).sum(1) / queries.sum(1)

    found = {"map 1": share(maps.first)}
    if maps.second is not None:
        found["map 2"] = share(maps.second)
        found["difference"] = share(maps.difference.clamp(min=0))
        found["difference, signed"] = share(maps.difference)
    return SilenceShares(found, quiet.sum(1) / valid.sum(1))
