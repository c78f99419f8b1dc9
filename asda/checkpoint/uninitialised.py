"""Build networks without drawing their initial weights, to learn the shapes of their tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch.overrides import TorchFunctionMode


class Uninitialised(TorchFunctionMode):
    """Within this context nothing changes a tensor in place, and `torch.randn` draws no numbers.

    On the meta device, where values do not exist, such operations would import PyTorch's compiler,
    which takes as long as all else that a command does before its first result.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        named = kwargs or {}
        if func is torch.randn:
            func = torch.empty
        name = getattr(func, "__name__", "")
        if name.endswith("_") and not name.endswith("__"):
            return args[0] if args else named["tensor"]
        return func(*args, **named)
