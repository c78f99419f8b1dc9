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
from asda.kernels.gpu_forms import fastest_form, load_triton

Form = Literal["textbook", "chunked", "fused", "stacked", "triton"]
_forced: list[Form] = []


def differential_attention(
    qk: Tensor, v: Tensor, lam: Tensor | float, mask: Tensor | None = None
) -> Tensor:
    """Return (softmax(q1 k1ᵀ / √d) - λ softmax(q2 k2ᵀ / √d)) v.

    (docs/algorithm.md#differential-attention)

    Args:
        qk: queries and keys of the two maps (batch, 4 * heads, tokens, d): all heads of q1, then
            those of q2, of k1 and of k2
        v: values (batch, heads, tokens, value_dim)
        lam: λ, a number or a 0-d tensor, which then gets a gradient
        mask: (batch, 1, 1, tokens) bool, false at tokens that must not be attended to; None = all

    Returns:
        (batch, heads, tokens, value_dim)
    """
    form = _form(v) or fastest_form(v)
    if form == "triton":
        lam = lam if isinstance(lam, Tensor) else v.new_full((), lam, dtype=torch.float32)
        differentiable = torch.is_grad_enabled()
        return torch.ops.asda.differential_attention(qk, v, lam, mask, differentiable)[0]
    if form == "stacked":
        return _stacked(qk, v, lam, mask)
    q1, q2, k1, k2 = _parts(qk, 4)
    if form == "chunked":
        return chunked_attention([(q1, k1), (q2, k2)], v, lam, mask)
    if form == "textbook":
        return (softmax_map(q1, k1, mask) - lam * softmax_map(q2, k2, mask)) @ v
    # Attention is linear in the values: the difference of two attentions is the attention with
    # the difference of their maps, and PyTorch's fused kernels never hold a map in memory.
    first = F.scaled_dot_product_attention(q1, k1, v, attn_mask=mask)
    return first - lam * F.scaled_dot_product_attention(q2, k2, v, attn_mask=mask)


def _stacked(qk: Tensor, v: Tensor, lam: Tensor | float, mask: Tensor | None) -> Tensor:
    """Return the fused form in one call over twice the heads: fewer kernels, but copied values."""
    q, k = _parts(qk, 2)
    both = F.scaled_dot_product_attention(q, k, torch.cat([v, v], dim=1), attn_mask=mask)
    first, second = both.chunk(2, dim=1)
    return first - lam * second


def _parts(qk: Tensor, number: int) -> list[Tensor]:
    """Split the heads into equal parts.

    They are split where they are neighbours in memory, so that the gradient is joined there too.
    """
    return [part.transpose(1, 2) for part in qk.transpose(1, 2).chunk(number, dim=2)]


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
    """Use one form whatever the device, in tests and benchmarks."""
    if form == "triton":
        load_triton()
    _forced.append(form)
    try:
        yield
    finally:
        _forced.pop()


def _form(v: Tensor) -> Form | None:
    """Return the form that is forced, or the one for CPUs; None = whichever is fast elsewhere.

    The chunked form is a custom autograd function, which exporters and compilers cannot see into.
    """
    if _forced:
        return _forced[-1]
    traced = torch.compiler.is_compiling() or torch.jit.is_tracing()
    return "chunked" if v.device.type == "cpu" and not traced else None


def softmax_map(q: Tensor, k: Tensor, mask: Tensor | None) -> Tensor:
    """Return softmax(q kᵀ / √d), the attention map (batch, heads, tokens, tokens)."""
    scores = q @ k.transpose(2, 3) * q.shape[3] ** -0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return scores.softmax(dim=3)
