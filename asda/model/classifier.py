"""The classifier: one vector per clip and a linear layer (docs/algorithm.md#fine-tuning)."""

from __future__ import annotations

from typing import get_args

import torch
from torch import Tensor, nn

from asda.model.encoder import NORM_EPS
from asda.model.heads import Head, register_head
from asda.model.model_config import PooledLayers, Pooling, ResolvedModel
from asda.model.patches import valid_mean

VARIANCE_EPS = 1e-5


@register_head("classifier")
class Classifier(Head):
    """Encoder, pooling to one vector per clip, LayerNorm and a linear layer.

    Args:
        config: resolved configuration
        num_classes: number of logits
        pooling: the CLS token, the mean of the valid patch tokens, or "statistics": their mean and
            standard deviation (as in x-vectors, Snyder et al. 2018)
        layers: "last" pools the last block; "all" pools the patch embeddings and every block and
            concatenates the results (patch tokens only)
        drop_path: drop-path rate of the top block
    """

    outputs = ("softmax", "sigmoid")

    def __init__(
        self,
        config: ResolvedModel,
        num_classes: int,
        pooling: Pooling,
        layers: PooledLayers = "last",
        drop_path: float = 0.0,
    ):
        if pooling not in get_args(Pooling) or layers not in get_args(PooledLayers):
            raise ValueError(f"no pooling '{pooling}' of layers '{layers}'")
        super().__init__(config, drop_path)
        self.pooling = pooling
        self.layers = layers
        width = config.width * (2 if pooling == "statistics" else 1)
        if layers == "all":
            width *= config.depth + 1
        self.fc_norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.head = nn.Linear(width, num_classes)
        nn.init.trunc_normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def forward(self, fbank: Tensor, num_frames: Tensor | None = None) -> Tensor:
        """Return logits (batch, classes) of normalised features (batch, frames, mel)."""
        return self.head(self.fc_norm(self.embed(fbank, num_frames)))

    def embed(self, fbank: Tensor, num_frames: Tensor | None = None) -> Tensor:
        """Return one vector per clip before the LayerNorm, (batch, width of `fc_norm`)."""
        patches, valid = self.encoder.embed_patches(fbank, num_frames)
        if self.layers == "last":
            return pooled(self.encoder.encode(patches, valid), valid, self.pooling)
        states = self.encoder.hidden_states(patches, valid)
        blocks = [pooled(tokens, valid, self.pooling) for tokens, _ in states]
        return torch.cat([pooled_patches(patches, valid, self.pooling), *blocks], dim=1)


def pooled(tokens: Tensor, valid: Tensor | None, pooling: Pooling) -> Tensor:
    """Return one vector per clip (batch, width, or twice the width for "statistics").

    Args:
        tokens: (batch, 1 + patches, width), CLS first
        valid: (batch, patches) bool, false where a clip has no such patch; None = all are valid
        pooling: as for `Classifier`
    """
    if pooling == "cls":
        return tokens[:, 0]
    return pooled_patches(tokens[:, 1:], valid, pooling)


def pooled_patches(patches: Tensor, valid: Tensor | None, pooling: Pooling) -> Tensor:
    """Return one vector per clip of patches (batch, patches, width) alone; see `pooled`."""
    mean = valid_mean(patches, valid)  # (batch, 1, width)
    if pooling == "mean":
        return mean[:, 0]
    variance = valid_mean((patches - mean).square(), valid)
    return torch.cat([mean, (variance + VARIANCE_EPS).sqrt()], dim=2)[:, 0]
