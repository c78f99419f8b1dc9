"""Differential attention over few tokens: all keys of a head are in one tile.

A row of a map is complete at once, so that the maps can be joined before they meet the values:
three products forward instead of the four of two attentions, and eight backward instead of ten.
Arguments are those of asda/kernels/triton_attention.py.
"""

from __future__ import annotations

import triton
import triton.language as tl

from asda.kernels.triton_parts import (
    LOG_2,
    load_rows,
    load_valid,
    masked_scores,
    place_of_program,
    product,
    softmax_map,
    store_rows,
)


@triton.jit
def forward_one_tile(
    qk: tl.tensor,
    v: tl.tensor,
    lam: tl.tensor,
    mask: tl.tensor,
    out: tl.tensor,
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
    rows, keys = block * QUERIES + tl.arange(0, QUERIES), tl.arange(0, KEYS)
    valid = load_valid(mask if mask is None else mask + clip * strides.mask_clip, keys, tokens)
    qk += clip * strides.qk_clip + head * strides.qk_head
    lse += (clip * 2 * heads + head) * tokens
    joined = tl.zeros((QUERIES, KEYS), tl.float32)
    weight = 1.0
    for _ in tl.static_range(2):
        q = load_rows(qk, rows, strides.qk_token, tokens, D, BLOCK_D)
        k = load_rows(qk + 2 * heads * strides.qk_head, keys, strides.qk_token, tokens, D, BLOCK_D)
        scores = masked_scores(q, k, valid, factor)
        top = tl.max(scores, 1)
        powers = tl.exp2(scores - top[:, None])
        total = tl.sum(powers, 1)
        joined += powers * (weight / total)[:, None]
        tl.store(lse + rows, top + tl.log2(total), mask=rows < tokens)
        weight = -tl.load(lam)
        qk += heads * strides.qk_head
        lse += heads * tokens
    v += clip * strides.v_clip + head * strides.v_head
    values = load_rows(v, keys, strides.v_token, tokens, VALUES, BLOCK_VALUES)
    out += (clip * tokens * heads + head) * VALUES
    store_rows(out, rows, heads * VALUES, tokens, product(joined, values), VALUES, BLOCK_VALUES)


@triton.jit
def backward_one_tile(
    qk: tl.tensor,
    v: tl.tensor,
    lam: tl.tensor,
    mask: tl.tensor,
    grad: tl.tensor,
    lse: tl.tensor,
    delta_2: tl.tensor,
    grad_qk: tl.tensor,
    grad_v: tl.tensor,
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
    """Differentiate a whole head: no other program adds to its gradients, in whatever order."""
    _, clip, head = place_of_program(1, heads)
    keys = tl.arange(0, KEYS)
    valid = load_valid(mask if mask is None else mask + clip * strides.mask_clip, keys, tokens)
    qk += clip * strides.qk_clip + head * strides.qk_head
    map_2 = heads * strides.qk_head  # from a head of the first map to that of the second
    k1 = load_rows(qk + 2 * map_2, keys, strides.qk_token, tokens, D, BLOCK_D)
    k2 = load_rows(qk + 3 * map_2, keys, strides.qk_token, tokens, D, BLOCK_D)
    v += clip * strides.v_clip + head * strides.v_head
    values = load_rows(v, keys, strides.v_token, tokens, VALUES, BLOCK_VALUES)
    grad += clip * strides.grad_clip + head * strides.grad_head
    lse += (clip * 2 * heads + head) * tokens
    grad_qk += (clip * tokens * 4 * heads + head) * D
    grad_v += (clip * tokens * heads + head) * VALUES
    weight, scale = -tl.load(lam), factor * LOG_2
    sum_k1 = tl.zeros((KEYS, BLOCK_D), tl.float32)
    sum_k2 = tl.zeros((KEYS, BLOCK_D), tl.float32)
    sum_v = tl.zeros((KEYS, BLOCK_VALUES), tl.float32)
    sums = tl.zeros((QUERIES,), tl.float32)
    for first in range(0, tokens, QUERIES):
        rows = first + tl.arange(0, QUERIES)
        direction = load_rows(grad, rows, strides.grad_token, tokens, VALUES, BLOCK_VALUES)
        grad_map = product(direction, tl.trans(values))
        q = load_rows(qk, rows, strides.qk_token, tokens, D, BLOCK_D)
        joined = softmax_map(q, k1, valid, factor, lse, rows, tokens)
        grad_scores = joined * (grad_map - tl.sum(joined * grad_map, 1)[:, None])
        grad_q = product(grad_scores, k1) * scale
        store_rows(grad_qk, rows, 4 * heads * D, tokens, grad_q, D, BLOCK_D)
        sum_k1 += product(tl.trans(grad_scores), q)
        q = load_rows(qk + map_2, rows, strides.qk_token, tokens, D, BLOCK_D)
        second = softmax_map(q, k2, valid, factor, lse + heads * tokens, rows, tokens)
        delta = tl.sum(second * grad_map, 1)
        grad_scores = second * (grad_map - delta[:, None])
        grad_q = product(grad_scores, k2) * (weight * scale)
        store_rows(grad_qk + heads * D, rows, 4 * heads * D, tokens, grad_q, D, BLOCK_D)
        sum_k2 += product(tl.trans(grad_scores), q)
        sum_v += product(tl.trans(joined + weight * second), direction)
        sums += delta
    store_rows(grad_qk + 2 * heads * D, keys, 4 * heads * D, tokens, sum_k1 * scale, D, BLOCK_D)
    sum_k2 *= weight * scale
    store_rows(grad_qk + 3 * heads * D, keys, 4 * heads * D, tokens, sum_k2, D, BLOCK_D)
    store_rows(grad_v, keys, heads * VALUES, tokens, sum_v, VALUES, BLOCK_VALUES)
    tl.store(delta_2 + tl.program_id(0), tl.sum(sums, 0))
