"""A classifier on the encoder (algorithm.md 12.1)."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from asda.model.config import ModelConfig
from asda.model.encoder import NORM_EPS, Encoder


class Classifier(nn.Module):
    """Encoder, one vector per clip, norm and a linear head.

    Args:
        config: resolved configuration
        num_classes: outputs
        pooling: the vector: the CLS token, or the mean of the real patch tokens
        drop_path: rate of dropped branches in the top block
    """

    def __init__(
        self,
        config: ModelConfig,
        num_classes: int,
        pooling: Literal["cls", "mean"],
        drop_path: float = 0.0,
    ):
        super().__init__()
        self.pooling = pooling
        self.frozen = False
        self.encoder = Encoder(config, drop_path)
        self.fc_norm = nn.LayerNorm(config.width, eps=NORM_EPS)
        self.head = nn.Linear(config.width, num_classes)
        nn.init.trunc_normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def forward(self, fbank: Tensor, num_frames: Tensor | None = None) -> Tensor:
        """Return logits (batch, classes) of normalised features (batch, frames, mel)."""
        return self.head(self.fc_norm(self.embed(fbank, num_frames)))

    def embed(self, fbank: Tensor, num_frames: Tensor | None = None) -> Tensor:
        """Return one vector per clip (batch, width), before the norm."""
        output = self.encoder(fbank, num_frames)
        if self.pooling == "cls":
            return output.tokens[:, 0]
        patches = output.tokens[:, 1:]
        if output.valid is None:
            return patches.mean(dim=1)
        weight = output.valid[:, 1:, None].to(patches.dtype)
        return (patches * weight).sum(dim=1) / weight.sum(dim=1)

    def freeze_encoder(self) -> None:
        """Train the head alone from here on: a linear probe."""
        self.frozen = True
        self.encoder.requires_grad_(False)

    def train(self, mode: bool = True) -> Classifier:
        super().train(mode)
        if self.frozen:
            self.encoder.eval()
        return self
