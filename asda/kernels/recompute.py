"""Results that are made again in the backward pass instead of being kept for it, on CPUs.

A norm or a GELU takes a hundredth of the time of the products around it, but its result is as large
as theirs. What `again` returned is not kept where it is an operand of operations in the context
`remaking`; its inputs are, which the function's own gradient needs in any case.
"""

from __future__ import annotations

import contextlib
import functools
import weakref
from collections.abc import Callable

import torch
from torch import Tensor

_recipes: dict[int, _Recipe] = {}  # of living results, by their address


def again(function: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
    """Return function(*inputs), a new tensor that nothing may change in place."""
    result = function(*inputs)
    if _remakes(result):
        _Recipe(function, inputs, result)
    return result


def remaking(x: Tensor) -> contextlib.AbstractContextManager:
    """Return the context for operations on `x`; it changes nothing on a GPU or when compiling."""
    if not _remakes(x):
        return contextlib.nullcontext()
    return torch.autograd.graph.saved_tensors_hooks(_pack, _unpack)


def _remakes(x: Tensor) -> bool:
    return x.device.type == "cpu" and torch.is_grad_enabled() and not torch.compiler.is_compiling()


class _Recipe:
    """How a result is made.

    Where several operations kept it, it is made once for all of them in a backward pass.
    """

    def __init__(self, function: Callable[..., Tensor], inputs: tuple[Tensor, ...], result: Tensor):
        self.function = function
        self.inputs = [tensor.detach() for tensor in inputs]
        self.users = self.waiting = 0
        self.made: Tensor | None = None
        address = result.data_ptr()
        self.result = weakref.ref(result, functools.partial(_forget, address))
        _recipes[address] = self

    def add_user(self) -> None:
        self.users += 1
        self.waiting += 1

    def make(self) -> Tensor:
        if self.made is None:
            with torch.no_grad():
                self.made = self.function(*self.inputs)
        made = self.made
        self.waiting -= 1
        if self.waiting == 0:
            self.waiting, self.made = self.users, None
        return made


def _forget(address: int, result: weakref.ref) -> None:
    if address in _recipes and _recipes[address].result is result:
        del _recipes[address]


def _pack(tensor: Tensor) -> Tensor | tuple[_Recipe, torch.Size]:
    recipe = _recipes.get(tensor.data_ptr())
    if recipe is None or not tensor.is_contiguous() or tensor.numel() != recipe.result().numel():
        return tensor
    recipe.add_user()
    return recipe, tensor.shape


def _unpack(packed: Tensor | tuple[_Recipe, torch.Size]) -> Tensor:
    if isinstance(packed, Tensor):
        return packed
    recipe, shape = packed
    return recipe.make().view(shape)
