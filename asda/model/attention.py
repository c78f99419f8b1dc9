"""Self-attention with one softmax map, or with the difference of two (algorithm.md 5 and 17)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from asda.kernels.cpu_attention import softmax_attention
from asda.kernels.recompute import again
from asda.model.model_config import ModelConfig


def make_attention(config: ModelConfig, block: int) -> nn.Module:
    """Return the attention of a block (0 = lowest)."""
    if config.attention.kind == "standard":
        return StandardAttention(config)
    return DifferentialAttention(config, block)


def attend(
    qk: Tensor, v: Tensor, share: Tensor | float | None, mask: Tensor | None, heads: int
) -> Tensor:
    """Return the attention of `softmax_attention`, by the kernels that suit the device."""
    if qk.device.type == "cpu":
        return softmax_attention(qk, v, share, mask, heads)
    v = _heads(v, heads)
    queries_keys = [_heads(part, heads) for part in qk.chunk(2 if share is None else 4, dim=2)]
    if share is None:
        q, k = queries_keys
        return _concatenate(F.scaled_dot_product_attention(q, k, v, attn_mask=mask))
    q1, q2, k1, k2 = queries_keys
    first = F.scaled_dot_product_attention(q1, k1, v, attn_mask=mask)
    second = F.scaled_dot_product_attention(q2, k2, v, attn_mask=mask)
    return _concatenate(first - share * second)


def _heads(x: Tensor, heads: int) -> Tensor:
    """Split channels (batch, tokens, width) into (batch, heads, tokens, width / heads)."""
    return x.unflatten(2, (heads, -1)).transpose(1, 2)


def _concatenate(x: Tensor) -> Tensor:
    """Undo `_heads`."""
    return x.transpose(1, 2).flatten(2)


class StandardAttention(nn.Module):
    """Multi-head self-attention, the EAT form (algorithm.md 5.2)."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.heads = config.heads
        self.qkv = nn.Linear(config.width, 3 * config.width, bias=config.attention.bias)
        self.proj = nn.Linear(config.width, config.width, bias=config.attention.bias)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Return (batch, tokens, width).

        Args:
            x: (batch, tokens, width)
            mask: (batch, 1, 1, tokens) bool, false at tokens that nothing may attend to
        """
        qk, v = self.qkv(x).split((2 * x.shape[2], x.shape[2]), dim=2)
        return self.proj(attend(qk, v, None, mask, self.heads))


class DifferentialAttention(nn.Module):
    """Attention whose map is one softmax minus a share of another.

    Noise that both maps attend to cancels. The maps share their values, so the difference of
    the maps times the values is the difference of two attentions.
    """

    def __init__(self, config: ModelConfig, block: int):
        super().__init__()
        attention, width = config.attention, config.width
        self.heads = config.heads
        key_width = width // 2 if attention.head_split == "half" else width
        self.qk = nn.Linear(width, 4 * key_width, bias=attention.bias)  # q1, q2, k1, k2
        self.v = nn.Linear(width, width, bias=attention.bias)
        self.proj = nn.Linear(width, width, bias=attention.bias)
        self.norm = {
            "layer": lambda: nn.LayerNorm(width),
            "head_rms": lambda: nn.RMSNorm(width // self.heads, eps=1e-5),
            "none": nn.Identity,
        }[attention.norm]()
        scheduled = 0.8 - 0.6 * math.exp(-0.3 * block)
        self.lambda_init = scheduled if attention.lambda_init is None else attention.lambda_init
        self.output_scale = attention.output_scale
        if self.output_scale is None:
            self.output_scale = 1 - self.lambda_init
        self.lambda_vectors = None
        if attention.learn_lambda:  # rows: q1, q2, k1, k2
            self.lambda_vectors = nn.Parameter(0.1 * torch.randn(4, key_width // self.heads))

    def share(self) -> Tensor | float:
        """Return the share of the second map that is subtracted."""
        if self.lambda_vectors is None:
            return self.lambda_init
        q, k = self.lambda_vectors.float().chunk(2)
        first, second = (q * k).sum(dim=1).exp()
        return first - second + self.lambda_init

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Return (batch, tokens, width); arguments as in `StandardAttention`."""
        difference = attend(self.qk(x), self.v(x), self.share(), mask, self.heads)
        return self.proj(again(self._normed, difference))

    def _normed(self, x: Tensor) -> Tensor:
        """Return the norm of (batch, tokens, width), or of each head's part, times the scale."""
        norm, scale = self.norm, self.output_scale
        if isinstance(norm, nn.LayerNorm):  # its few weights are scaled, not all tokens
            return F.layer_norm(x, x.shape[2:], scale * norm.weight, scale * norm.bias, norm.eps)
        if isinstance(norm, nn.RMSNorm):
            x = x.unflatten(2, (self.heads, -1))
            return F.rms_norm(x, x.shape[3:], scale * norm.weight, norm.eps).flatten(2)
        return scale * x
