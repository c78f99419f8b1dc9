"""How much predictions and targets vary, which shows when features collapse to a constant."""

from __future__ import annotations

import torch
from torch import Tensor


def weighted_moments(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return the weighted sums (width,) of patches and of their squares.

    Args:
        x: (rows, patches, width)
        weight: (rows, patches)
    """
    x, weight = x.detach().float().flatten(0, 1), weight.flatten()
    with torch.autocast(x.device.type, enabled=False):
        return weight @ x, weight @ x.square()


def mean_std(mean: Tensor, square: Tensor) -> Tensor:
    """Return the mean over channels of the standard deviation over patches.

    (docs/algorithm.md#monitoring)

    Args:
        mean: mean of the patches (width,)
        square: mean of their squares (width,)
    """
    return ((square - mean.square()).clamp(min=0) + 1e-6).sqrt().mean()
