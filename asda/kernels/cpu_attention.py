"""Attention for CPUs, with the softmax maps of a few clips or heads in cache at a time.

At the few hundred tokens of a clip this is faster than PyTorch's own attention for CPUs, above all
in bf16 (tools/bench/README.md). The backward pass recomputes the maps instead of storing them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from asda.kernels.head_memory import empty_heads

CHUNK_BYTES = 2**20  # attention maps that are held at once; they fit into a cache of level 2
CLIP_BYTES = 2**24  # attention maps of one clip; a longer clip is processed a few heads at a time
Chunk = tuple[slice, slice]  # clips and heads


def chunked_attention(
    pairs: Sequence[tuple[Tensor, Tensor]],
    v: Tensor,
    lam: Tensor | float | None,
    mask: Tensor | None,
) -> Tensor:
    """Return differential attention for two pairs of queries and keys, standard for one.

    Args:
        pairs: queries and keys of each map (batch, heads, tokens, d)
        v: values (batch, heads, tokens, value_dim)
        lam: λ of the second map, a number or a 0-d tensor; None where there is one map
        mask: (batch, 1, 1, tokens) bool, false at tokens that must not be attended to

    Returns:
        (batch, heads, tokens, value_dim), whose heads can be concatenated without a copy
    """
    queries, keys = zip(*pairs, strict=True)
    return _ChunkedAttention.apply(v, lam, mask, *queries, *keys)


class _ChunkedAttention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, v: Tensor, lam: Tensor | float | None, mask: Tensor | None, *inputs: Tensor
    ) -> Tensor:
        ctx.save_for_backward(v, mask, *inputs)
        ctx.lam_is_learned = isinstance(lam, Tensor)
        ctx.weights = (1.0,) if lam is None else (1.0, -float(lam))  # of the maps
        out = empty_heads(v)
        for chunk in _chunks(inputs[0], len(ctx.weights)):
            maps, _, _ = _softmax_maps(inputs, mask, chunk)
            values = _contiguous(v, chunk)
            _write(torch.bmm(_weighted_sum(maps, ctx.weights), values), out, chunk)
            del maps, values  # before the next ones are allocated
        return out

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        v, mask, *inputs = ctx.saved_tensors
        weights, count = ctx.weights, len(ctx.weights)
        grad_v, grads = empty_heads(v), [empty_heads(x) for x in inputs]
        grad_lam = v.new_zeros(()) if ctx.lam_is_learned else None
        for chunk in _chunks(inputs[0], count):
            maps, queries, keys = _softmax_maps(inputs, mask, chunk)
            values, grad = _contiguous(v, chunk), _contiguous(grad_outputs[0], chunk)
            grad_map = torch.bmm(grad, values.transpose(1, 2))
            if grad_lam is not None:
                grad_lam = grad_lam - (grad_map * maps[1]).sum()
            for index, weight in enumerate(weights):
                softmax_map, q, k = maps[index], queries[index], keys[index]
                # An operator of torch that is not public (checked with 2.11 to 2.14): the same in
                # plain operations takes three passes over the maps instead of one.
                scores = torch._softmax_backward_data(grad_map, softmax_map, 2, softmax_map.dtype)
                grad_q = torch.bmm(scores, k).mul_(weight * _scale(q))
                _write(grad_q, grads[index], chunk)
                grad_k = torch.bmm(scores.transpose(1, 2), q).mul_(weight)
                _write(grad_k, grads[count + index], chunk)
            grad_values = torch.bmm(_weighted_sum(maps, weights).transpose(1, 2), grad)
            _write(grad_values, grad_v, chunk)
            del maps, queries, keys, values, grad, grad_map, softmax_map, q, k
            del scores, grad_q, grad_k, grad_values
        return grad_v, grad_lam, None, *grads


def _chunks(q: Tensor, num_maps: int) -> Iterator[Chunk]:
    """Yield a few clips at a time or, of a long clip, a few heads."""
    batch, heads, tokens, _ = q.shape
    head_bytes = num_maps * tokens**2 * q.element_size()
    clips = max(1, CHUNK_BYTES // (heads * head_bytes))
    heads_per_chunk = min(heads, max(1, CLIP_BYTES // head_bytes))
    for clip in range(0, batch, clips):
        for head in range(0, heads, heads_per_chunk):
            yield slice(clip, clip + clips), slice(head, head + heads_per_chunk)


def _softmax_maps(
    inputs: Sequence[Tensor], mask: Tensor | None, chunk: Chunk
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the maps (maps, clips * heads, tokens, tokens), and scaled queries and keys.

    Queries and keys are (maps, clips * heads, tokens, d).
    """
    both = torch.stack([x[chunk] for x in inputs]).flatten(1, 2)
    queries, keys = both.chunk(2)
    queries *= _scale(queries)
    scores = torch.bmm(queries.flatten(0, 1), keys.flatten(0, 1).transpose(1, 2))
    if mask is not None:
        mask = mask[chunk[0]]
        scores.unflatten(0, (len(queries), len(mask), -1)).masked_fill_(~mask, -torch.inf)
    return scores.softmax(dim=2).unflatten(0, (len(queries), -1)), queries, keys


def _scale(q: Tensor) -> float:
    return float(q.shape[-1] ** -0.5)


def _weighted_sum(maps: Tensor, weights: Sequence[float]) -> Tensor:
    """Return the sum of the maps, of which the first has weight 1, in the first one's memory."""
    for other, weight in zip(maps[1:], weights[1:], strict=True):
        maps[0].add_(other, alpha=weight)
    return maps[0]


def _contiguous(x: Tensor, chunk: Chunk) -> Tensor:
    """Return a chunk as (clips * heads, tokens, d)."""
    return x[chunk].contiguous().flatten(0, 1)


def _write(x: Tensor, out: Tensor, chunk: Chunk) -> None:
    """Write (clips * heads, tokens, d) to a chunk of (batch, heads, tokens, d)."""
    part = out[chunk]
    part.copy_(x.unflatten(0, (part.shape[0], -1)))
