"""A loss that is summed, and differentiated, over one part of a batch after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Part = Callable[[Tensor, slice], tuple[Tensor, ...]]


def sum_over_parts(
    function: Part, parts: Sequence[slice], x: Tensor, parameters: Sequence[Tensor]
) -> tuple[Tensor, ...]:
    """Return the sums of what `function` returns for the parts of a batch.

    Each part is differentiated as soon as it is computed, so that what its gradient needs exists
    for one part at a time.

    Args:
        function: gives for rows of `x`, and the slice that they are, a loss and numbers beside it
        parts: slices that cover the rows of `x`
        x: the batch
        parameters: what else the loss depends on

    Returns:
        The loss, with a gradient for `x` and `parameters`, and the numbers, without.
    """
    if not torch.is_grad_enabled():
        return _summed([function(x[part], part) for part in parts])
    loss, *numbers = _Sum.apply(function, parts, x, *parameters)
    return loss, *numbers


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, function, parts, x, *parameters):
        grad_x, grads, results = torch.empty_like(x), None, []
        for part in parts:
            with torch.enable_grad():
                rows = x[part].detach().requires_grad_()
                loss, *numbers = function(rows, part)
            grad_x[part], *new = torch.autograd.grad(loss, (rows, *parameters))
            grads = new if grads is None else torch._foreach_add(grads, new)
            results.append((loss.detach(), *numbers))
        ctx.save_for_backward(grad_x, *grads)
        sums = _summed(results)
        ctx.mark_non_differentiable(*sums[1:])
        return sums

    @staticmethod
    def backward(ctx, grad_loss, *_):
        return None, None, *(grad * grad_loss for grad in ctx.saved_tensors)


def _summed(results: list[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    return tuple(sum(values[1:], values[0]) for values in zip(*results, strict=True))
