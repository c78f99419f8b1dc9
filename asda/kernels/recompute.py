"""Cheap activations that the backward pass recomputes instead of storing them.

A norm or a GELU takes little time compared with the matrix products around it, but its output is
as large as theirs. `recompute_outputs` marks the outputs of such modules from outside the model,
and under `recomputing` an operation that would save a marked output for the backward pass saves
how to compute it instead. The module's inputs stay in memory in any case, since its own gradient
needs them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

CHEAP = (nn.LayerNorm, nn.RMSNorm, nn.GELU)
SMALL = 4_000_000  # weights


def recomputing_pays(model: nn.Module) -> bool:
    """Return whether training should recompute: on CPUs, unless the model is small.

    On CPUs, cheap activations of large models are as slow to fetch as to recompute. Steps of the
    recipes' small models take 2 to 8 % longer if they recompute, and have memory to spare.
    """
    weights = list(model.parameters())
    return weights[0].device.type == "cpu" and sum(w.numel() for w in weights) >= SMALL


def recompute_where_it_pays(model: nn.Module) -> Callable[[], AbstractContextManager[None]]:
    """Mark the outputs of a model if recomputing them pays; return the context of its steps."""
    if not recomputing_pays(model):
        return nullcontext
    recompute_outputs(model)
    return recomputing


def recompute_outputs(model: nn.Module, of: tuple[type[nn.Module], ...] = CHEAP) -> None:
    """Have the outputs of these modules recomputed wherever `recomputing` is entered."""
    for module in model.modules():
        if isinstance(module, of):
            module.register_forward_hook(_mark)


def recomputing() -> torch.autograd.graph.saved_tensors_hooks:
    """Return the context for the forward pass; the backward pass may run outside it."""
    return torch.autograd.graph.saved_tensors_hooks(_pack, _unpack)


class _Recomputation:
    """How an output is computed.

    An output that several operations have saved is computed once for all of them in a backward
    pass.
    """

    def __init__(self, module: nn.Module, inputs: tuple[Tensor, ...], numel: int):
        self.module = module
        self.inputs = [tensor.detach() for tensor in inputs]
        self.numel = numel
        self.users = self.waiting = 0
        self.output: Tensor | None = None

    def add_user(self) -> None:
        self.users += 1
        self.waiting += 1

    def compute(self) -> Tensor:
        if self.output is None:
            with torch.no_grad():  # forward, not a call: a call would mark the output again
                self.output = self.module.forward(*self.inputs)
        output = self.output
        self.waiting -= 1
        if self.waiting == 0:
            self.waiting, self.output = self.users, None
        return output


def _mark(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    if torch.is_grad_enabled():
        output._recomputation = _Recomputation(module, inputs, output.numel())  # type: ignore[attr-defined]


def _pack(tensor: Tensor) -> Any:
    """Return what autograd stores: for a marked output or its reshape, how to compute it."""
    owner = tensor if tensor._base is None else tensor._base
    recomputation = getattr(owner, "_recomputation", None)
    if recomputation is None or not tensor.is_contiguous() or tensor.numel() != recomputation.numel:
        return tensor
    recomputation.add_user()
    return recomputation, tensor.shape


def _unpack(packed: Any) -> Tensor:
    if isinstance(packed, Tensor):
        return packed
    recomputation, shape = packed
    return recomputation.compute().view(shape)
