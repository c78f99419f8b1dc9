"""From the tokens of chosen layers to one vector per clip (docs/algorithm.md#fine-tuning)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from asda.model.model_config import Pooling
from asda.model.patches import valid_mean

VARIANCE_EPS = 1e-5


class Layer(NamedTuple):
    """What one layer of an encoder returns: layer 0 is that of the patch embeddings.

    Attributes:
        patches: (batch, patches, width), by time, then by frequency from low to high
        valid: (batch, patches) bool, false where a clip has no such patch; None = all valid
        cls: CLS token (batch, width); None at layer 0, which comes before it
    """

    patches: Tensor
    valid: Tensor | None
    cls: Tensor | None


def take_layers(layers: Iterable[Layer], wanted: Collection[int]) -> dict[int, Layer]:
    """Return layers by number; none above the last wanted one is computed."""
    taken = {}
    for number, layer in enumerate(layers):
        if number in wanted:
            taken[number] = layer
        if number == max(wanted):
            break
    return taken


def pool(layer: Layer, pooling: Pooling) -> Tensor:
    """Return one vector per clip, (batch, width), twice as wide for "statistics".

    Args:
        layer: of a batch of clips
        pooling: the CLS token, the mean of the valid patch tokens, or "statistics": their mean and
            standard deviation (as in x-vectors, Snyder et al. 2018)

    Raises:
        ValueError: if the CLS token of layer 0 is asked for.
    """
    if pooling == "cls":
        if layer.cls is None:
            raise ValueError("layer 0, that of the patch embeddings, has no CLS token")
        return layer.cls
    mean = valid_mean(layer.patches, layer.valid)  # (batch, 1, width)
    if pooling == "mean":
        return mean[:, 0]
    variance = valid_mean((layer.patches - mean).square(), layer.valid)
    return torch.cat([mean, (variance + VARIANCE_EPS).sqrt()], dim=2)[:, 0]
