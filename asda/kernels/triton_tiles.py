"""How the Triton kernels of differential attention divide their work."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import triton
from torch import Tensor

from asda.kernels.triton_limits import ONE_TILE

SMALLEST_TILE = 16  # side of a tile in a matrix product
BLOCK = 64  # queries and, of many tokens, keys that a program has at once
# Queries in the backward pass over one tile, whose sums take most registers.
FEW_QUERIES = 32
# How kernels are compiled: with these warps, all values of heads of 64 channels fit into registers
# (ptxas 12.8 for compute capability 9.0); with more stages, blocks on their way at once, GPUs with
# 99 KiB of shared memory have too little.
OF_QUERIES = {"num_warps": 4, "num_stages": 2}
OF_KEYS = {"num_warps": 8, "num_stages": 2}
OF_HEADS = {"num_warps": 8, "num_stages": 1}


class Strides(NamedTuple):
    """Elements from one clip, head and token to the next; channels are neighbours."""

    qk_clip: int
    qk_head: int
    qk_token: int
    v_clip: int
    v_head: int
    v_token: int
    mask_clip: int
    grad_clip: int
    grad_head: int
    grad_token: int


class Tiles:
    """How the work is divided.

    Args:
        v: values
        backward: in the backward pass

    Attributes:
        are_one: one tile has all keys of a head
        queries, keys: tokens of a tile
        grid, heads_grid: programs, one for each block of queries or of keys, or for each head
    """

    def __init__(self, v: Tensor, backward: bool = False):
        batch, self.heads, self.tokens, _ = v.shape
        self.are_one = self.tokens <= ONE_TILE
        queries = FEW_QUERIES if self.are_one and backward else BLOCK
        self.queries = min(queries, _tile(self.tokens))
        self.keys = _tile(self.tokens) if self.are_one else BLOCK
        self.heads_grid = (batch * self.heads,)
        self.grid = (triton.cdiv(self.tokens, self.queries) * batch * self.heads,)

    def arguments(
        self, qk: Tensor, v: Tensor, mask: Tensor | None, grad: Tensor | None = None
    ) -> tuple[Any, ...]:
        """Return what all kernels take after their tensors."""
        of_mask = 0 if mask is None else mask.stride(0)
        of_grad = (0, 0, 0) if grad is None else grad.stride()[:3]
        strides = Strides._make((*qk.stride()[:3], *v.stride()[:3], of_mask, *of_grad))
        d, value_dim = qk.shape[3], v.shape[3]
        sizes = d, value_dim, _tile(d), _tile(value_dim), self.queries, self.keys
        return strides, self.tokens, self.heads, math.log2(math.e) * d**-0.5, *sizes


def _tile(length: int) -> int:
    """Return the side of the smallest tile that has a length."""
    return max(SMALLEST_TILE, int(triton.next_power_of_2(length)))
