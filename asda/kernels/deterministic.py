"""Kernels that give the same bits every time, also on a GPU."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def deterministic_kernels() -> Iterator[None]:
    """Make PyTorch choose only kernels that give the same bits every time, within the block.

    CPU kernels always do. On a GPU the backward passes of attention, convolutions and indexing
    sum their parts in whichever order they are ready, unless another kernel is requested. An
    operation without a deterministic kernel, such as the CTC loss on a GPU, raises a RuntimeError.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read at the first product
    torch.use_deterministic_algorithms(True)
    filled = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    _fill_memory(False)  # all of it is written before it is read
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)
        _fill_memory(filled)


def _fill_memory(filled: bool) -> None:
    """Set whether PyTorch fills new memory with NaN first, in deterministic mode."""
    torch.utils.deterministic.fill_uninitialized_memory = filled  # type: ignore[attr-defined]
