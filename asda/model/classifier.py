"""A classifier on the encoder (algorithm.md 12.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from asda.model.config import ModelConfig, Pooling
from asda.model.encoder import NORM_EPS, Encoder

VARIANCE_EPS = 1e-5


class Classifier(nn.Module):
    """Encoder, one vector per clip, norm and a linear head.

    Args:
        config: resolved configuration
        num_classes: outputs
        pooling: the vector: the CLS token, the mean of the real patch tokens, or their mean and
            deviation (x-vectors, Snyder et al. 2018)
        drop_path: rate of dropped branches in the top block
    """

    def __init__(
        self,
        config: ModelConfig,
        num_classes: int,
        pooling: Pooling,
        drop_path: float = 0.0,
    ):
        super().__init__()
        self.pooling = pooling
        self.frozen = False
        self.encoder = Encoder(config, drop_path)
        width = config.width * (2 if pooling == "statistics" else 1)
        self.fc_norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.head = nn.Linear(width, num_classes)
        nn.init.trunc_normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def forward(self, fbank: Tensor, num_frames: Tensor | None = None) -> Tensor:
        """Return logits (batch, classes) of normalised features (batch, frames, mel)."""
        return self.head(self.fc_norm(self.embed(fbank, num_frames)))

    def embed(self, fbank: Tensor, num_frames: Tensor | None = None) -> Tensor:
        """Return one vector per clip (batch, width or twice that), before the norm."""
        output = self.encoder(fbank, num_frames)
        if self.pooling == "cls":
            return output.tokens[:, 0]
        patches = output.tokens[:, 1:]
        valid = None if output.valid is None else output.valid[:, 1:, None].to(patches.dtype)
        mean = _mean(patches, valid)
        if self.pooling == "mean":
            return mean
        variance = _mean((patches - mean[:, None]).square(), valid)
        return torch.cat([mean, (variance + VARIANCE_EPS).sqrt()], dim=1)

    def freeze_encoder(self) -> None:
        """Train the head alone from here on: a linear probe."""
        self.frozen = True
        self.encoder.requires_grad_(False)

    def train(self, mode: bool = True) -> Classifier:
        super().train(mode)
        if self.frozen:
            self.encoder.eval()
        return self


def _mean(patches: Tensor, valid: Tensor | None) -> Tensor:
    """Return the mean (batch, width) over patches whose `valid` (batch, patches, 1) is 1."""
    if valid is None:
        return patches.mean(dim=1)
    return (patches * valid).sum(dim=1) / valid.sum(dim=1)
