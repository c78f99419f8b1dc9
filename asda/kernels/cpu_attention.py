"""Attention with its softmax maps in memory, for CPUs.

At the few hundred tokens of a clip PyTorch's own attention for CPUs is slower, in bf16 up to four
times. Clips, or heads of a long clip, are gone through a few at a time, so that their maps stay in
the processor's cache; the backward pass makes the maps again, so that none is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

CACHED_BYTES = 2**20  # of the maps that are made at a time
CLIP_BYTES = 2**24  # of those of a single clip
Part = tuple[slice, slice]  # of the clips, and of the heads


def softmax_attention(
    qk: Tensor, v: Tensor, share: Tensor | float | None, mask: Tensor | None, heads: int
) -> Tensor:
    """Return (softmax(q1 k1) - share softmax(q2 k2)) v, with scaled products, heads concatenated.

    Args:
        qk: queries q1, q2, then keys k1, k2 (batch, tokens, channels); without a share q1, k1
        v: values (batch, tokens, width)
        share: share of the second map, a number or 0-d; None where there is one map
        mask: (batch, 1, 1, tokens) bool, false at tokens that nothing may attend to
        heads: number of heads

    Returns:
        (batch, tokens, width)
    """
    return _SoftmaxAttention.apply(qk, v, share, mask, heads)


class _SoftmaxAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx, qk, v, share, mask, heads):
        ctx.save_for_backward(qk, v, mask)
        ctx.heads, ctx.learned = heads, isinstance(share, Tensor)
        ctx.weights = (1.0,) if share is None else (1.0, -float(share))  # of the maps
        out = torch.empty_like(v)
        for part in _parts(qk, len(ctx.weights), heads):
            maps, _, _ = _maps(qk, mask, part, len(ctx.weights), heads)
            values = _split(v, part, 1, heads)[0]
            _join(torch.bmm(_weighted_sum(maps, ctx.weights), values), out, part, heads)
            del maps, values  # before the next ones are made
        return out

    @staticmethod
    def backward(ctx, grad_out):
        qk, v, mask = ctx.saved_tensors
        heads, weights = ctx.heads, ctx.weights
        grad_qk, grad_v = torch.empty_like(qk), torch.empty_like(v)
        grads = grad_qk.chunk(2 * len(weights), dim=2)
        grad_share = 0.0
        for part in _parts(qk, len(weights), heads):
            maps, queries, keys = _maps(qk, mask, part, len(weights), heads)
            values, grad = (_split(x, part, 1, heads)[0] for x in (v, grad_out))
            grad_map = torch.bmm(grad, values.transpose(1, 2))
            if ctx.learned:
                grad_share = grad_share - (grad_map * maps[1]).sum()
            for index, weight in enumerate(weights):
                one, q, k = maps[index], queries[index], keys[index]
                scores = torch._softmax_backward_data(grad_map, one, 2, one.dtype)
                _join(torch.bmm(scores, k).mul_(weight * _scale(q)), grads[index], part, heads)
                grad_k = torch.bmm(scores.transpose(1, 2), q).mul_(weight)
                _join(grad_k, grads[len(weights) + index], part, heads)
            grad_values = torch.bmm(_weighted_sum(maps, weights).transpose(1, 2), grad)
            _join(grad_values, grad_v, part, heads)
            del maps, queries, keys, values, grad, grad_map, one, q, k, scores, grad_k, grad_values
        return grad_qk, grad_v, grad_share if ctx.learned else None, None, None


def _parts(qk: Tensor, count: int, heads: int) -> Iterator[Part]:
    """Yield a few clips at a time, or of one clip a few heads."""
    batch, tokens, _ = qk.shape
    of_head = count * tokens**2 * qk.element_size()
    clips = max(1, CACHED_BYTES // (heads * of_head))
    some = min(heads, max(1, CLIP_BYTES // of_head))
    for clip in range(0, batch, clips):
        for head in range(0, heads, some):
            yield slice(clip, clip + clips), slice(head, head + some)


def _maps(
    qk: Tensor, mask: Tensor | None, part: Part, count: int, heads: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the maps (maps, clips * heads, tokens, tokens), and scaled queries and keys.

    Those are (maps, clips * heads, tokens, channels of a head).
    """
    queries, keys = _split(qk, part, 2 * count, heads).chunk(2)
    queries *= _scale(queries)
    scores = torch.bmm(queries.flatten(0, 1), keys.flatten(0, 1).transpose(1, 2))
    if mask is not None:
        mask = mask[part[0]]
        scores.unflatten(0, (count, len(mask), -1)).masked_fill_(~mask, -torch.inf)
    return scores.softmax(dim=2).unflatten(0, (count, -1)), queries, keys


def _scale(q: Tensor) -> float:
    return q.shape[-1] ** -0.5


def _weighted_sum(maps: Tensor, weights: Sequence[float]) -> Tensor:
    """Return the sum of the maps, the first of weight 1, in the place of the first."""
    for one, weight in zip(maps[1:], weights[1:], strict=True):
        maps[0].add_(one, alpha=weight)
    return maps[0]


def _split(x: Tensor, part: Part, parts: int, heads: int) -> Tensor:
    """Return (parts, clips * heads, tokens, channels of a head) of (batch, tokens, channels)."""
    clips, some = part
    x = x[clips].unflatten(2, (parts, heads, -1))[:, :, :, some].permute(2, 0, 3, 1, 4)
    return x.contiguous().flatten(1, 2)


def _join(x: Tensor, out: Tensor, part: Part, heads: int) -> None:
    """Write (clips * heads, tokens, channels of a head) to (batch, tokens, channels)."""
    clips, some = part
    out = out[clips].unflatten(2, (heads, -1))[:, :, some]
    out.copy_(x.unflatten(0, (len(out), -1)).transpose(1, 2))
