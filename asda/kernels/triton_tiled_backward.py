"""Gradients of differential attention over any number of tokens.

One kernel makes those of the queries, another those of keys and values; both recompute the maps.
Nothing is summed in an order that varies between runs, which resuming bit for bit needs. Arguments
are those of asda/kernels/triton_attention.py.
"""

from __future__ import annotations

import triton
import triton.language as tl

from asda.kernels.triton_parts import (
    LOG_2,
    load_rows,
    load_valid,
    place_of_program,
    product,
    softmax_map,
    store_rows,
)


@triton.jit
def backward_queries(
    qk: tl.tensor,
    v: tl.tensor,
    lam: tl.tensor,
    mask: tl.tensor,
    grad: tl.tensor,
    out: tl.tensor,
    out_2: tl.tensor,
    lse: tl.tensor,
    delta_1: tl.tensor,
    delta_2: tl.tensor,
    grad_qk: tl.tensor,
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
    """Differentiate one block of queries of one head, and write both deltas.

    The sum over keys of a map times its gradient is the product of the map's output with the
    gradient of the output (Dao, 2023, "FlashAttention-2"). The first map's is out + λ out_2.
    """
    block, clip, head = place_of_program(tl.cdiv(tokens, QUERIES), heads)
    rows = block * QUERIES + tl.arange(0, QUERIES)
    mask = mask if mask is None else mask + clip * strides.mask_clip
    grad += clip * strides.grad_clip + head * strides.grad_head
    direction = load_rows(grad, rows, strides.grad_token, tokens, VALUES, BLOCK_VALUES)
    place = (clip * tokens * heads + head) * VALUES
    joined = load_rows(out + place, rows, heads * VALUES, tokens, VALUES, BLOCK_VALUES)
    second = load_rows(out_2 + place, rows, heads * VALUES, tokens, VALUES, BLOCK_VALUES)
    weight, scale = -tl.load(lam), factor * LOG_2
    sum_2 = tl.sum(direction.to(tl.float32) * second.to(tl.float32), 1)
    sum_1 = tl.sum(direction.to(tl.float32) * joined.to(tl.float32), 1) - weight * sum_2
    row = (clip * heads + head) * tokens + rows
    tl.store(delta_1 + row, sum_1, mask=rows < tokens)
    tl.store(delta_2 + row, sum_2, mask=rows < tokens)
    qk += clip * strides.qk_clip + head * strides.qk_head
    v += clip * strides.v_clip + head * strides.v_head
    map_2 = heads * strides.qk_head
    q1 = load_rows(qk, rows, strides.qk_token, tokens, D, BLOCK_D)
    q2 = load_rows(qk + map_2, rows, strides.qk_token, tokens, D, BLOCK_D)
    grad_q1 = tl.zeros((QUERIES, BLOCK_D), tl.float32)
    grad_q2 = tl.zeros((QUERIES, BLOCK_D), tl.float32)
    lse += (clip * 2 * heads + head) * tokens
    for first in range(0, tokens, KEYS):
        keys = first + tl.arange(0, KEYS)
        valid = load_valid(mask, keys, tokens)
        values = load_rows(v, keys, strides.v_token, tokens, VALUES, BLOCK_VALUES)
        grad_map = product(direction, tl.trans(values))
        k = load_rows(qk + 2 * map_2, keys, strides.qk_token, tokens, D, BLOCK_D)
        weights = softmax_map(q1, k, valid, factor, lse, rows, tokens)
        grad_q1 += product(weights * (grad_map - sum_1[:, None]), k)
        k = load_rows(qk + 3 * map_2, keys, strides.qk_token, tokens, D, BLOCK_D)
        weights = softmax_map(q2, k, valid, factor, lse + heads * tokens, rows, tokens)
        grad_q2 += product(weights * (grad_map - sum_2[:, None]), k)
    grad_qk += (clip * tokens * 4 * heads + head) * D
    store_rows(grad_qk, rows, 4 * heads * D, tokens, grad_q1 * scale, D, BLOCK_D)
    grad_q2 *= weight * scale
    store_rows(grad_qk + heads * D, rows, 4 * heads * D, tokens, grad_q2, D, BLOCK_D)


@triton.jit
def backward_keys(
    qk: tl.tensor,
    v: tl.tensor,
    lam: tl.tensor,
    mask: tl.tensor,
    grad: tl.tensor,
    lse: tl.tensor,
    delta_1: tl.tensor,
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
    """Differentiate one block of keys and values of one head, after `backward_queries`."""
    block, clip, head = place_of_program(tl.cdiv(tokens, KEYS), heads)
    keys = block * KEYS + tl.arange(0, KEYS)
    valid = load_valid(mask if mask is None else mask + clip * strides.mask_clip, keys, tokens)
    qk += clip * strides.qk_clip + head * strides.qk_head
    v += clip * strides.v_clip + head * strides.v_head
    grad += clip * strides.grad_clip + head * strides.grad_head
    map_2 = heads * strides.qk_head
    k1 = load_rows(qk + 2 * map_2, keys, strides.qk_token, tokens, D, BLOCK_D)
    k2 = load_rows(qk + 3 * map_2, keys, strides.qk_token, tokens, D, BLOCK_D)
    values = load_rows(v, keys, strides.v_token, tokens, VALUES, BLOCK_VALUES)
    lse += (clip * 2 * heads + head) * tokens
    delta_1 += (clip * heads + head) * tokens
    delta_2 += (clip * heads + head) * tokens
    weight, scale = -tl.load(lam), factor * LOG_2
    sum_k1 = tl.zeros((KEYS, BLOCK_D), tl.float32)
    sum_k2 = tl.zeros((KEYS, BLOCK_D), tl.float32)
    sum_v = tl.zeros((KEYS, BLOCK_VALUES), tl.float32)
    for first in range(0, tokens, QUERIES):
        rows = first + tl.arange(0, QUERIES)
        direction = load_rows(grad, rows, strides.grad_token, tokens, VALUES, BLOCK_VALUES)
        grad_map = product(direction, tl.trans(values))
        q = load_rows(qk, rows, strides.qk_token, tokens, D, BLOCK_D)
        joined = softmax_map(q, k1, valid, factor, lse, rows, tokens)
        sums = tl.load(delta_1 + rows, mask=rows < tokens, other=0.0)
        sum_k1 += product(tl.trans(joined * (grad_map - sums[:, None])), q)
        q = load_rows(qk + map_2, rows, strides.qk_token, tokens, D, BLOCK_D)
        second = softmax_map(q, k2, valid, factor, lse + heads * tokens, rows, tokens)
        sums = tl.load(delta_2 + rows, mask=rows < tokens, other=0.0)
        sum_k2 += product(tl.trans(second * (grad_map - sums[:, None])), q)
        sum_v += product(tl.trans(joined + weight * second), direction)
    grad_qk += (clip * tokens * 4 * heads + head) * D
    grad_v += (clip * tokens * heads + head) * VALUES
    store_rows(grad_qk + 2 * heads * D, keys, 4 * heads * D, tokens, sum_k1 * scale, D, BLOCK_D)
    sum_k2 *= weight * scale
    store_rows(grad_qk + 3 * heads * D, keys, 4 * heads * D, tokens, sum_k2, D, BLOCK_D)
    store_rows(grad_v, keys, heads * VALUES, tokens, sum_v, VALUES, BLOCK_VALUES)
