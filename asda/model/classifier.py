"""The classifier: one vector per clip and a linear layer (docs/algorithm.md#fine-tuning)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

import torch
from torch import Tensor, nn

from asda.model.block import NORM_EPS
from asda.model.heads import Head, register_head
from asda.model.model_config import PooledLayers, Pooling, ResolvedModel
from asda.model.pooling import Layer, pool, take_layers


@register_head("classifier")
class Classifier(Head):
    """Encoder, pooling to one vector per clip, LayerNorm and a linear layer.

    Args:
        config: resolved configuration
        num_classes: number of logits
        pooling: see `asda.model.pooling.pool`
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
        self.pooled_layers = [config.depth] if layers == "last" else [*range(config.depth + 1)]
        width = config.width * (2 if pooling == "statistics" else 1) * len(self.pooled_layers)
        self.fc_norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.head = nn.Linear(width, num_classes)
        nn.init.trunc_normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def forward(self, fbank: Tensor, num_frames: Tensor | None = None) -> Tensor:
        """Return logits (batch, classes) of normalised features (batch, frames, mel)."""
        return self.classify(self.embed(fbank, num_frames))

    def embed(self, fbank: Tensor, num_frames: Tensor | None = None) -> Tensor:
        """Return one vector per clip before the LayerNorm, (batch, width of `fc_norm`)."""
        layers = self.encoder.layers(fbank, num_frames)
        return self.pool(take_layers(layers, self.pooled_layers))

    def pool(self, layers: Mapping[int, Layer]) -> Tensor:
        """Return the vectors of `embed` from the encoder's layers in `pooled_layers`."""
        return torch.cat([pool(layers[n], self.pooling) for n in self.pooled_layers], dim=1)

    def classify(self, embeddings: Tensor) -> Tensor:
        """Return logits (batch, classes) of the vectors of `embed`."""
        return self.head(self.fc_norm(embeddings))
