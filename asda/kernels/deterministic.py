"""Kernels that give the same bits every time, also on a GPU."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def deterministic_kernels() -> Iterator[None]:
    """Have PyTorch choose only kernels that give the same bits every time within the block.

    Those of CPUs do so in any case. On a GPU the backward passes of attention, convolutions and
    indexing add up their parts in whichever order they are ready, unless another kernel is asked
    for. An operation that has no such kernel, as the CTC loss on a GPU, raises a RuntimeError.
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
    """Say whether PyTorch fills new memory with NaN first, in deterministic mode."""
    torch.utils.deterministic.fill_uninitialized_memory = filled  # type: ignore[attr-defined]
