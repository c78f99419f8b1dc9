"""Self-attention with one softmax map, or with the difference of two."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from asda.kernels.differential_attention import differential_attention, standard_attention
from asda.model.model_config import ResolvedModel
from asda.model.part_configs import AttentionConfig


class StandardAttention(nn.Module):
    """Multi-head self-attention, as EAT has it (docs/algorithm.md#standard-attention)."""

    def __init__(self, config: ResolvedModel):
        super().__init__()
        self.heads = config.heads
        self.qkv = nn.Linear(config.width, 3 * config.width, bias=config.attention.bias)
        self.proj = nn.Linear(config.width, config.width, bias=config.attention.bias)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Return (batch, tokens, width).

        Args:
            x: (batch, tokens, width)
            mask: (batch, 1, 1, tokens) bool, false at tokens that must not be attended to
        """
        return self.proj(self.attended(x, mask))

    def attended(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Return the concatenated heads before the projection; as in `forward`."""
        q, k, v = (split_heads(part, self.heads) for part in self.qkv(x).chunk(3, dim=2))
        return concatenate_heads(standard_attention(q, k, v, mask))


class DifferentialAttention(nn.Module):
    """Attention whose map is one softmax minus λ times another.

    Noise that both maps attend to is reduced (docs/algorithm.md#differential-attention).
    """

    def __init__(self, config: ResolvedModel, block: int):
        super().__init__()
        attention, width = config.attention, config.width
        self.heads = config.heads
        key_width = width // 2 if attention.head_split == "half" else width
        self.qk = nn.Linear(width, 4 * key_width, bias=attention.bias)  # q1, q2, k1, k2
        self.v = nn.Linear(width, width, bias=attention.bias)
        self.proj = nn.Linear(width, width, bias=attention.bias)
        scheduled = 0.8 - 0.6 * math.exp(-0.3 * block)
        self.lambda_init: float = (
            scheduled if attention.lambda_init is None else attention.lambda_init
        )
        self.norm = _output_norm(attention, width, self.heads, self.lambda_init)
        self.lambda_vectors: nn.Parameter | None = None
        if attention.learn_lambda:  # rows: q1, q2, k1, k2
            self.lambda_vectors = nn.Parameter(0.1 * torch.randn(4, key_width // self.heads))

    @property
    def lam(self) -> Tensor | float:
        """λ, the factor of the second map; a 0-d tensor where it is learned."""
        if self.lambda_vectors is None:
            return self.lambda_init
        q, k = self.lambda_vectors.float().chunk(2)
        first, second = (q * k).sum(dim=1).exp()
        return first - second + self.lambda_init

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Return (batch, tokens, width); arguments as in `StandardAttention`."""
        qk = split_heads(self.qk(x), 4 * self.heads)  # (batch, 4 heads, tokens, key width / heads)
        v = split_heads(self.v(x), self.heads)  # (batch, heads, tokens, width / heads)
        difference = differential_attention(qk, v, self.lam, mask)
        return self.proj(self.norm(concatenate_heads(difference)))


def split_heads(x: Tensor, heads: int) -> Tensor:
    """Split channels (batch, tokens, width) into (batch, heads, tokens, width / heads)."""
    return x.unflatten(2, (heads, -1)).transpose(1, 2)


def concatenate_heads(x: Tensor) -> Tensor:
    """Undo `split_heads`."""
    return x.transpose(1, 2).flatten(2)


def _output_norm(
    attention: AttentionConfig, width: int, heads: int, lambda_init: float
) -> nn.Module:
    """Return what follows the subtraction: a norm, and a constant scale."""
    scale = attention.output_scale
    if scale is None:
        scale = 1 - lambda_init
    if attention.norm == "layer":
        return ScaledLayerNorm(width, scale)
    if attention.norm == "head_rms":
        return ScaledHeadNorm(width // heads, scale)
    return Scale(scale)


class ScaledLayerNorm(nn.LayerNorm):
    """Layer norm times a constant; it multiplies the few weights instead of all tokens."""

    def __init__(self, width: int, scale: float):
        super().__init__(width)
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = self.scale * self.weight, self.scale * self.bias
        return F.layer_norm(x, self.normalized_shape, weight, bias, self.eps)


class ScaledHeadNorm(nn.RMSNorm):
    """RMS norm of each head's channels times a constant, for concatenated heads."""

    def __init__(self, head_dim: int, scale: float):
        super().__init__(head_dim, eps=1e-5)
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        by_head = x.unflatten(2, (-1, *self.normalized_shape))  # (batch, tokens, heads, head_dim)
        weight = self.scale * self.weight
        return F.rms_norm(by_head, self.normalized_shape, weight, self.eps).flatten(2)


class Scale(nn.Module):
    """A constant factor."""

    def __init__(self, scale: float):
        super().__init__()
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * x
