"""Differential attention for GPUs as an operator of PyTorch, in kernels written in Triton.

The values are read once for both maps, and queries, keys and values are read where the projections
have left them. Up to `ONE_TILE` tokens the two maps are joined before they meet the values
(asda/kernels/triton_one_tile.py); beyond, blocks of keys are processed in turn
(asda/kernels/triton_tiled.py). Sums are in float32. The sizes of tiles are fixed instead of being
chosen by trial runs: other sizes give other last bits, and a resumed run would not be the same.

Kernels take these arguments, as far as they need them, and address memory by head:

qk, v, mask, lam: as in `differential_attention`; the mask as (batch, tokens)
out, out_2: output, and output of the second map alone; shaped as `v`, in memory (batch, tokens,
    heads, value_dim)
lse: logarithms to base 2 of the sums in the softmax of both maps (batch, 2, heads, tokens)
delta_1, delta_2: sums over the keys of each map times its gradient (batch, heads, tokens) float32,
    or summed over the queries too (batch, heads, 1)
grad, grad_qk, grad_v: gradients of `out`, `qk` and `v`; the last two in memory as `out`
strides: `Strides`
tokens, heads: their numbers
factor: log2(e) / √d
D, VALUES, BLOCK_D, BLOCK_VALUES: d and value_dim, and the tiles that hold them
QUERIES, KEYS: tokens of a tile
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from asda.kernels.head_memory import empty_heads
from asda.kernels.triton_limits import ONE_TILE
from asda.kernels.triton_one_tile import backward_one_tile, forward_one_tile
from asda.kernels.triton_tiled import forward_tiled
from asda.kernels.triton_tiled_backward import backward_keys, backward_queries
from asda.kernels.triton_tiles import OF_HEADS, OF_KEYS, OF_QUERIES, Tiles


@torch.library.custom_op("asda::differential_attention", mutates_args=())
def _attention(
    qk: Tensor, v: Tensor, lam: Tensor, mask: Tensor | None, differentiable: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Return `out`, `out_2` (empty where no backward pass needs it) and `lse`.

    `lam` is a 0-d tensor of float32. Each clip needs a token that may be attended to.
    """
    qk, v, mask = _rows(qk), _rows(v), _of_keys(mask)
    out, out_2, lse = _new_outputs(qk, v, lam, mask, differentiable)
    tiles = Tiles(v)
    arguments = tiles.arguments(qk, v, mask)
    with torch.cuda.device_of(qk):
        if tiles.are_one:
            forward_one_tile[tiles.grid](qk, v, lam, mask, out, lse, *arguments, **OF_QUERIES)
        else:
            second = out_2 if differentiable else None
            forward_tiled[tiles.grid](qk, v, lam, mask, out, second, lse, *arguments, **OF_QUERIES)
    return out, out_2, lse


@_attention.register_fake
def _new_outputs(
    qk: Tensor, v: Tensor, lam: Tensor, mask: Tensor | None, differentiable: bool
) -> tuple[Tensor, Tensor, Tensor]:
    batch, heads, tokens, _ = v.shape
    needed = differentiable and tokens > ONE_TILE
    out_2 = empty_heads(v) if needed else v.new_empty(0)
    lse = v.new_empty((batch, 2, heads, tokens), dtype=torch.float32)
    return empty_heads(v), out_2, lse


@torch.library.custom_op("asda::differential_attention_backward", mutates_args=())
def _attention_backward(
    grad: Tensor,
    qk: Tensor,
    v: Tensor,
    lam: Tensor,
    mask: Tensor | None,
    out: Tensor,
    out_2: Tensor,
    lse: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return gradients of `qk` and `v`, and numbers whose sum is minus the gradient of λ."""
    grad, qk, v, mask = _rows(grad), _rows(qk), _rows(v), _of_keys(mask)
    grad_qk, grad_v, delta_2 = _new_gradients(grad, qk, v, lam, mask, out, out_2, lse)
    tiles = Tiles(v, backward=True)
    arguments = tiles.arguments(qk, v, mask, grad)
    given = qk, v, lam, mask, grad
    with torch.cuda.device_of(qk):
        if tiles.are_one:
            results = lse, delta_2, grad_qk, grad_v
            backward_one_tile[tiles.heads_grid](*given, *results, *arguments, **OF_HEADS)
        else:
            outputs = _by_token(out), _by_token(out_2)
            deltas = lse, torch.empty_like(delta_2), delta_2
            backward_queries[tiles.grid](
                *given, *outputs, *deltas, grad_qk, *arguments, **OF_QUERIES
            )
            backward_keys[tiles.grid](*given, *deltas, grad_qk, grad_v, *arguments, **OF_KEYS)
    return grad_qk, grad_v, delta_2


@_attention_backward.register_fake
def _new_gradients(
    grad: Tensor,
    qk: Tensor,
    v: Tensor,
    lam: Tensor,
    mask: Tensor | None,
    out: Tensor,
    out_2: Tensor,
    lse: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    batch, heads, tokens, _ = v.shape
    shape = (batch, heads, tokens if tokens > ONE_TILE else 1)
    return empty_heads(qk), empty_heads(v), v.new_empty(shape, dtype=torch.float32)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    ctx.save_for_backward(*inputs[:4], *output)
    ctx.mark_non_differentiable(*output[1:])


def _differentiate(ctx: Any, grad: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
    grad_qk, grad_v, delta_2 = _attention_backward(grad, *ctx.saved_tensors)
    grad_lam = -delta_2.sum() if ctx.needs_input_grad[2] else None
    return grad_qk, grad_v, grad_lam, None, None


_attention.register_autograd(_differentiate, setup_context=_keep)


def _rows(x: Tensor) -> Tensor:
    """Return a tensor whose last dimension lies in one piece."""
    return x if x.stride(-1) == 1 else x.contiguous()


def _of_keys(mask: Tensor | None) -> Tensor | None:
    """Return the mask as (batch, tokens)."""
    return None if mask is None else _rows(mask[:, 0, 0])


def _by_token(x: Tensor) -> Tensor:
    """Return (batch, heads, tokens, d) as (batch, tokens, heads, d), whatever its memory was."""
    return x.transpose(1, 2).contiguous()
