"""Differential attention over any number of tokens: blocks of keys, with running softmax sums.

The values are loaded once for both maps. Arguments are those of asda/kernels/triton_attention.py.
"""

from __future__ import annotations

import triton
import triton.language as tl

from asda.kernels.triton_parts import (
    MASKED,
    load_rows,
    load_valid,
    masked_scores,
    place_of_program,
    product,
    store_rows,
)


@triton.jit
def _attend(
    top: tl.tensor, total: tl.tensor, sums: tl.tensor, scores: tl.tensor, values: tl.tensor
) -> tl.tuple:
    """Add a block of keys: largest score, sum of powers and weighted sum of values of each query.

    (Milakov and Gimelshein, 2018, "Online normalizer calculation for softmax")
    """
    new_top = tl.maximum(top, tl.max(scores, 1))
    powers = tl.exp2(scores - new_top[:, None])
    rescale = tl.exp2(top - new_top)
    total = total * rescale + tl.sum(powers, 1)
    return new_top, total, sums * rescale[:, None] + product(powers, values)


@triton.jit
def forward_tiled(
    qk: tl.tensor,
    v: tl.tensor,
    lam: tl.tensor,
    mask: tl.tensor,
    out: tl.tensor,
    out_2: tl.tensor,
    lse: tl.tensor,
    strides: tl.tuple,
    tokens: tl.tensor,
    heads: tl.tensor,
    factor: tl.tensor,
    D: tl.constexpr,
    VALUES: tl.constexpr,
    BLOCK_D: tl.constexpr,
    BLOCK_VALUES: tl.constexpr,
    QUERIES: tl.constexpr,
    KEYS: tl.constexpr,
) -> None:
    """Attend with one block of queries of one head."""
    block, clip, head = place_of_program(tl.cdiv(tokens, QUERIES), heads)
    rows = block * QUERIES + tl.arange(0, QUERIES)
    mask = mask if mask is None else mask + clip * strides.mask_clip
    qk += clip * strides.qk_clip + head * strides.qk_head
    v += clip * strides.v_clip + head * strides.v_head
    map_2 = heads * strides.qk_head  # from a head of the first map to that of the second
    q1 = load_rows(qk, rows, strides.qk_token, tokens, D, BLOCK_D)
    q2 = load_rows(qk + map_2, rows, strides.qk_token, tokens, D, BLOCK_D)
    top_1 = tl.full((QUERIES,), MASKED, tl.float32)
    top_2 = tl.full((QUERIES,), MASKED, tl.float32)
    total_1 = tl.zeros((QUERIES,), tl.float32)
    total_2 = tl.zeros((QUERIES,), tl.float32)
    sums_1 = tl.zeros((QUERIES, BLOCK_VALUES), tl.float32)
    sums_2 = tl.zeros((QUERIES, BLOCK_VALUES), tl.float32)
    for first in range(0, tokens, KEYS):
        keys = first + tl.arange(0, KEYS)
        valid = load_valid(mask, keys, tokens)
        values = load_rows(v, keys, strides.v_token, tokens, VALUES, BLOCK_VALUES)
        k = load_rows(qk + 2 * map_2, keys, strides.qk_token, tokens, D, BLOCK_D)
        scores = masked_scores(q1, k, valid, factor)
        top_1, total_1, sums_1 = _attend(top_1, total_1, sums_1, scores, values)
        k = load_rows(qk + 3 * map_2, keys, strides.qk_token, tokens, D, BLOCK_D)
        scores = masked_scores(q2, k, valid, factor)
        top_2, total_2, sums_2 = _attend(top_2, total_2, sums_2, scores, values)
    lse += (clip * 2 * heads + head) * tokens + rows
    tl.store(lse, top_1 + tl.log2(total_1), mask=rows < tokens)
    tl.store(lse + heads * tokens, top_2 + tl.log2(total_2), mask=rows < tokens)
    place = (clip * tokens * heads + head) * VALUES
    second = sums_2 / total_2[:, None]
    joined = sums_1 / total_1[:, None] - tl.load(lam) * second
    store_rows(out + place, rows, heads * VALUES, tokens, joined, VALUES, BLOCK_VALUES)
    if out_2 is not None:
        store_rows(out_2 + place, rows, heads * VALUES, tokens, second, VALUES, BLOCK_VALUES)
