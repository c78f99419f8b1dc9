"""A transformer block."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from asda.model.attention_kinds import make_attention
from asda.model.model_config import ResolvedModel

NORM_EPS = 1e-6


class Mlp(nn.Module):
    """Two linear layers with a GELU between them."""

    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.gelu = nn.GELU()
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(self.gelu(self.fc1(x)))


class Block(nn.Module):
    """Attention and MLP, each followed by its residual sum and a norm (docs/algorithm.md#block)."""

    def __init__(self, config: ResolvedModel, index: int, drop_path: float):
        super().__init__()
        self.drop_path = drop_path
        self.attn = make_attention(config, index)
        self.norm1 = nn.LayerNorm(config.width, eps=NORM_EPS)
        self.mlp = Mlp(config.width, int(config.mlp_ratio * config.width))
        self.norm2 = nn.LayerNorm(config.width, eps=NORM_EPS)

    def forward(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the tokens and the MLP's own output, both (batch, tokens, width)."""
        x = self.norm1(x + self._drop_path(self.attn(x, mask)))
        ffn = self.mlp(x)
        return self.norm2(x + self._drop_path(ffn)), ffn

    def _drop_path(self, branch: Tensor) -> Tensor:
        """Drop a residual branch of whole clips at random, and scale it up in the others."""
        if not self.training or self.drop_path == 0:
            return branch
        surviving = torch.rand(branch.shape[0], 1, 1, device=branch.device) >= self.drop_path
        return branch * (surviving / (1 - self.drop_path)).to(branch.dtype)


def init_linear(module: nn.Module) -> None:
    """Draw weights with a standard deviation of 0.02, zero biases.

    (docs/algorithm.md#initialisation)
    """
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
