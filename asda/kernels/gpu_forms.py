"""Which form of differential attention is the fastest on a GPU, by measurement.

`tools/bench/attention_forms.py --device cuda` times the forms and prints a line for `FASTEST`. They
are not timed during a run, because a run that resumes must choose the same form again: forms differ
in the last bits of their results.
"""

from __future__ import annotations

import importlib.util
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from asda.kernels.triton_limits import ONE_TILE, WIDEST_HEAD

GpuForm = Literal["fused", "stacked", "triton"]


class Fastest(NamedTuple):
    """The fastest form over up to `ONE_TILE` tokens, and over more."""

    short: GpuForm
    long: GpuForm


# By compute capability, for half precision, forward and backward. No GPU has been measured yet, and
# all take two calls of PyTorch's attention.
FASTEST: dict[tuple[int, int], Fastest] = {}


def fastest_form(v: Tensor) -> GpuForm:
    """Return the form for values (batch, heads, tokens, value_dim).

    It is "fused" where nothing was measured, and in exported programs, which run without asda.
    """
    exported = torch.compiler.is_exporting() or torch.jit.is_tracing()
    if v.device.type != "cuda" or v.dtype == torch.float32 or exported or v.shape[3] > WIDEST_HEAD:
        return "fused"
    return _measured(v.device, "short" if v.shape[2] <= ONE_TILE else "long")


def _measured(device: torch.device, length: Literal["short", "long"]) -> GpuForm:
    fastest = FASTEST.get(torch.cuda.get_device_capability(device))
    form: GpuForm = "fused" if fastest is None else getattr(fastest, length)
    if form == "triton":
        if importlib.util.find_spec("triton") is None:
            return "fused"
        load_triton()
    return form


# As torch.compiler.assume_constant_result does, which would import the compiler into every program
# (checked with torch 2.11 and 2.14).
_measured._dynamo_marked_constant = True  # type: ignore[attr-defined]


def load_triton() -> None:
    """Make torch.ops.asda.differential_attention known; needs the package triton."""
    import asda.kernels.triton_attention  # noqa: F401
