"""Differential attention: one function, its textbook form, and the faster forms behind it.

The model calls `differential_attention` or `standard_attention` and never asks for a device. The
textbook forms are the specification, which every other form is tested against.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from asda.kernels.cpu_attention import chunked_attention

Form = Literal["textbook", "fused", "chunked"]
_forced: list[Form] = []


def differential_attention(
    q1: Tensor,
    k1: Tensor,
    q2: Tensor,
    k2: Tensor,
    v: Tensor,
    lam: Tensor | float,
    mask: Tensor | None = None,
) -> Tensor:
    """Return (softmax(q1 k1ᵀ / √d) - λ softmax(q2 k2ᵀ / √d)) v.

    (docs/algorithm.md#differential-attention)

    Args:
        q1, k1, q2, k2: queries and keys of the two maps (batch, heads, tokens, d)
        v: values (batch, heads, tokens, value_dim)
        lam: λ, a number or a 0-d tensor, which then gets a gradient
        mask: (batch, 1, 1, tokens) bool, false at tokens that must not be attended to; None = all

    Returns:
        (batch, heads, tokens, value_dim)
    """
    form = _form(v)
    if form == "chunked":
        return chunked_attention([(q1, k1), (q2, k2)], v, lam, mask)
    if form == "textbook":
        return (softmax_map(q1, k1, mask) - lam * softmax_map(q2, k2, mask)) @ v
    # Attention is linear in the values: the difference of two attentions is the attention with
    # the difference of their maps, and PyTorch's fused kernels never hold a map in memory.
    first = F.scaled_dot_product_attention(q1, k1, v, attn_mask=mask)
    return first - lam * F.scaled_dot_product_attention(q2, k2, v, attn_mask=mask)


def standard_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return softmax(q kᵀ / √d) v; shapes as in `differential_attention`."""
    form = _form(v)
    if form == "chunked":
        return chunked_attention([(q, k)], v, None, mask)
    if form == "textbook":
        return softmax_map(q, k, mask) @ v
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


@contextlib.contextmanager
def attention_form(form: Form) -> Iterator[None]:
    """Use one form whatever the device, in tests and for exports."""
    _forced.append(form)
    try:
        yield
    finally:
        _forced.pop()


def _form(v: Tensor) -> Form:
    """Return the form that suits the device, or the one that is forced.

    The chunked form is a custom autograd function, which exporters and compilers cannot see into.
    """
    if _forced:
        return _forced[-1]
    traced = torch.compiler.is_compiling() or torch.jit.is_tracing()
    return "chunked" if v.device.type == "cpu" and not traced else "fused"


def softmax_map(q: Tensor, k: Tensor, mask: Tensor | None) -> Tensor:
    """Return softmax(q kᵀ / √d), the attention map (batch, heads, tokens, tokens)."""
    scores = q @ k.transpose(2, 3) * q.shape[3] ** -0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return scores.softmax(dim=3)
