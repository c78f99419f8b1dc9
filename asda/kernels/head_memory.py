"""Memory for the heads of attention."""

from __future__ import annotations

from torch import Tensor


def empty_heads(x: Tensor) -> Tensor:
    """Return memory for (batch, heads, tokens, d) in which the heads of a token are neighbours."""
    batch, heads, tokens, channels = x.shape
    return x.new_empty(batch, tokens, heads, channels).transpose(1, 2)
