"""What the Triton kernels of differential attention have in common.

Scores are in units of log 2, since GPUs have an instruction for powers of 2 but not for those of e:
`factor` is log2(e) / √d. Products of float32 are exact ("ieee"), not TF32; for half precision this
setting has no effect.
"""

from __future__ import annotations

import triton
import triton.language as tl

# Score of what must not be attended to. It is finite because a whole block of keys can be masked,
# and -inf minus -inf is not a number. What such a block adds to the sums is multiplied by
# 2^(MASKED - the largest score) = 0 later.
MASKED = tl.constexpr(-1.0e30)
LOG_2 = tl.constexpr(0.6931471805599453)


@triton.jit
def place_of_program(blocks: tl.tensor, heads: tl.tensor) -> tl.tuple:
    """Return block, clip and head of this program; those of a head run at about the same time."""
    program = tl.program_id(0)
    index = program // blocks
    return program % blocks, (index // heads).to(tl.int64), index % heads


@triton.jit
def load_rows(
    head: tl.tensor,
    rows: tl.tensor,
    stride: tl.tensor,
    tokens: tl.tensor,
    WIDTH: tl.constexpr,
    BLOCK: tl.constexpr,
) -> tl.tensor:
    """Return rows of a head (rows, BLOCK), zero beyond the last token and the last channel.

    Args:
        head: pointer to its first row
        rows: numbers of the rows
        stride: from one row to the next
        tokens: number of rows
        WIDTH: channels of a row
        BLOCK: WIDTH, rounded up to what a tile can have
    """
    columns = tl.arange(0, BLOCK)
    inside = (rows < tokens)[:, None]
    if WIDTH != BLOCK:
        inside = inside & (columns < WIDTH)[None, :]
    return tl.load(head + rows[:, None] * stride + columns[None, :], mask=inside, other=0.0)


@triton.jit
def store_rows(
    head: tl.tensor,
    rows: tl.tensor,
    stride: tl.tensor,
    tokens: tl.tensor,
    values: tl.tensor,
    WIDTH: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """Write `values` (rows, BLOCK) where `load_rows` reads."""
    columns = tl.arange(0, BLOCK)
    inside = (rows < tokens)[:, None]
    if WIDTH != BLOCK:
        inside = inside & (columns < WIDTH)[None, :]
    values = values.to(head.dtype.element_ty)
    tl.store(head + rows[:, None] * stride + columns[None, :], values, mask=inside)


@triton.jit
def load_valid(mask: tl.tensor, keys: tl.tensor, tokens: tl.tensor) -> tl.tensor:
    """Return which keys of a clip may be attended to; `mask` points to its row, or is None."""
    valid = keys < tokens
    if mask is not None:
        valid = valid & (tl.load(mask + keys, mask=valid, other=0) != 0)
    return valid


@triton.jit
def masked_scores(q: tl.tensor, k: tl.tensor, valid: tl.tensor, factor: tl.tensor) -> tl.tensor:
    """Return the scores of some queries (queries, keys) float32."""
    scores = tl.dot(q, tl.trans(k), input_precision="ieee") * factor
    return tl.where(valid[None, :], scores, MASKED)


@triton.jit
def product(a: tl.tensor, b: tl.tensor) -> tl.tensor:
    """Return a b in float32, with `a` rounded to the type of `b`, which matrix units need."""
    return tl.dot(a.to(b.dtype), b, input_precision="ieee")


@triton.jit
def softmax_map(
    q: tl.tensor,
    k: tl.tensor,
    valid: tl.tensor,
    factor: tl.tensor,
    lse: tl.tensor,
    rows: tl.tensor,
    tokens: tl.tensor,
) -> tl.tensor:
    """Return a map (queries, keys) from `lse`, the logarithms of the sums of its rows."""
    sums = tl.load(lse + rows, mask=rows < tokens, other=0.0)
    return tl.exp2(masked_scores(q, k, valid, factor) - sums[:, None])
