"""A loss that is a sum over the rows of a batch, differentiated a few rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

CHUNK_BYTES = 2**22  # bytes of one activation tensor per chunk of rows
LossOfRows = Callable[[Tensor, slice], tuple[Tensor, ...]]


def chunked_loss(
    function: LossOfRows, x: Tensor, parameters: Sequence[Tensor], row_bytes: int
) -> tuple[Tensor, ...]:
    """Return function(x, all rows), computed in whichever way suits the device.

    On a CPU it is the sum over chunks of rows: each chunk is differentiated as soon as it is
    computed, so that what its gradient needs stays in cache and exists for one chunk at a time.

    Args:
        function: called with some rows of `x` and their slice; returns a loss and further sums
            over these rows
        x: the batch, with rows along the first dimension
        parameters: what the loss depends on besides `x`
        row_bytes: bytes of one activation tensor of one row

    Returns:
        The loss, with a gradient for `x` and `parameters`, and the numbers, without one.
    """
    rows = x.shape[0]
    if not _should_chunk(x):
        return function(x, slice(0, rows))
    step = max(1, CHUNK_BYTES // row_bytes)
    chunks = [slice(first, first + step) for first in range(0, rows, step)]
    if not torch.is_grad_enabled():
        return _summed([function(x[chunk], chunk) for chunk in chunks])
    loss, *numbers = _SumOverChunks.apply(function, chunks, x, *parameters)
    return loss, *numbers


def _should_chunk(x: Tensor) -> bool:
    """Return whether chunking is worthwhile: on a CPU, unless the loss must first be scaled.

    Gradients of fp16 underflow without the scale, which is known only outside this function.
    """
    if x.device.type != "cpu" or torch.compiler.is_compiling():
        return False
    return torch.get_autocast_dtype("cpu") != torch.float16


class _SumOverChunks(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, function: LossOfRows, chunks: list[slice], x: Tensor, *parameters: Tensor
    ) -> tuple[Tensor, ...]:
        grad_x = torch.empty_like(x)
        grads: list[Tensor] = []
        results = []
        for chunk in chunks:
            with torch.enable_grad():
                rows = x[chunk].detach().requires_grad_()
                loss, *numbers = function(rows, chunk)
            grad_x[chunk], *new = torch.autograd.grad(loss, (rows, *parameters))
            grads = list(torch._foreach_add(grads, new)) if grads else new
            results.append((loss.detach(), *numbers))
        ctx.save_for_backward(grad_x, *grads)
        sums = _summed(results)
        ctx.mark_non_differentiable(*sums[1:])
        return sums

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        return None, None, *(grad * grad_outputs[0] for grad in ctx.saved_tensors)


def _summed(results: list[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    return tuple(sum(values[1:], values[0]) for values in zip(*results, strict=True))
