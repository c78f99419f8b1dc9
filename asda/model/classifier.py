"""A classifier on the encoder (algorithm.md 12.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from asda.model.encoder import NORM_EPS, Encoder
from asda.model.model_config import ModelConfig, PooledLayers, Pooling
from asda.model.patches import valid_mean

VARIANCE_EPS = 1e-5


class Classifier(nn.Module):
    """Encoder, one vector per clip, norm and a linear head.

    Args:
        config: resolved configuration
        num_classes: outputs
        pooling: the vector: the CLS token, the mean of the real patch tokens, or their mean and
            deviation (x-vectors, Snyder et al. 2018)
        layers: tokens that are pooled: those of the last block, or side by side those that enter
            the first block and those of every block (patch tokens only)
        drop_path: rate of dropped branches in the top block
    """

    def __init__(
        self,
        config: ModelConfig,
        num_classes: int,
        pooling: Pooling,
        layers: PooledLayers = "last",
        drop_path: float = 0.0,
    ):
        super().__init__()
        self.pooling = pooling
        self.layers = layers
        self.frozen = False
        self.encoder = Encoder(config, drop_path)
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
        """Return one vector per clip, before the norm: (batch, width), wider by pooling, layers."""
        patches, valid = self.encoder.embed_patches(fbank, num_frames)
        if self.layers == "last":
            return self._pool(self.encoder.encode(patches, valid), valid)
        pooled = [
            self._pool(tokens, valid) for tokens, _ in self.encoder.hidden_states(patches, valid)
        ]
        return torch.cat([self._pool_patches(patches, valid), *pooled], dim=1)

    def _pool(self, tokens: Tensor, valid: Tensor | None) -> Tensor:
        """Pool tokens (batch, 1 + patches, width), CLS first."""
        if self.pooling == "cls":
            return tokens[:, 0]
        return self._pool_patches(tokens[:, 1:], valid)

    def _pool_patches(self, patches: Tensor, valid: Tensor | None) -> Tensor:
        mean = valid_mean(patches, valid)
        if self.pooling == "mean":
            return mean[:, 0]
        variance = valid_mean((patches - mean).square(), valid)
        return torch.cat([mean, (variance + VARIANCE_EPS).sqrt()], dim=2)[:, 0]

    def freeze_encoder(self) -> None:
        """Train the head alone from here on: a linear probe."""
        self.frozen = True
        self.encoder.requires_grad_(False)

    def train(self, mode: bool = True) -> Classifier:
        super().train(mode)
        if self.frozen:
            self.encoder.eval()
        return self
