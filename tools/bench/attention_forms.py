#!/usr/bin/env python3
"""Forms of differential attention, against two plain calls of PyTorch's attention.

Usage: tools/bench/attention_forms.py [--device cuda] [--rounds 5] [--heads 12] [--clips N]

In bf16 and heads of 64 channels, at 103 tokens (192 masked views: a student's batch of 12 clips of
10 s with 16 masks each) and at 513 (32 whole clips). Milliseconds of the forward pass alone and of
forward and backward; the best of some rounds of 20 repetitions. Queries and keys come from one
projection and values from another, as in the model, so that gradients of both are complete.

On a GPU it prints the line for `FASTEST` in asda/kernels/gpu_forms.py. On a CPU, with 1/32 of the
clips, it only shows that it works: models use another form there.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from asda.commands.number_types import positive
from asda.kernels.differential_attention import Form, attention_form, differential_attention
from asda.kernels.triton_limits import ONE_TILE

CLIPS = {103: 192, 513: 32}  # tokens -> clips or views
HEAD_DIM, LAMBDA = 64, 0.1
TWO_CALLS = "two calls"
Attention = Callable[[Tensor, Tensor], tuple[Tensor, ...]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--rounds", type=positive, default=5)
    parser.add_argument("--heads", type=positive, default=12)
    parser.add_argument("--clips", type=positive, help="clips or views (default: see above)")
    arguments = parser.parse_args()
    compare(arguments.device, arguments.heads, arguments.rounds, arguments.clips)


def compare(device: str, heads: int, rounds: int, clips: int | None = None) -> None:
    """Print the times of all forms, and on a GPU which of them is the fastest."""
    print(f"{'attention':<22}{'form':<15}{'forward ms':>12}{'ratio':>7}{'both ms':>10}{'ratio':>7}")
    fastest = []
    for tokens, usual in CLIPS.items():
        number = clips or max(1, usual // (1 if device == "cuda" else 32))
        times = measured(device, heads, rounds, number, tokens)
        first = times[TWO_CALLS]
        for name, (forward, both) in times.items():
            print(
                f"{f'{number} x {tokens} tokens':<22}{name:<15}{1e3 * forward:>12.3f}"
                f"{first[0] / forward:>7.2f}{1e3 * both:>10.3f}{first[1] / both:>7.2f}",
                flush=True,
            )
        del times[TWO_CALLS]
        fastest.append(min(times, key=lambda name: times[name][1]))
    if device == "cuda":
        print(
            f"fastest up to {ONE_TILE} tokens, and beyond, on {torch.cuda.get_device_name()}:\n"
            f"    {torch.cuda.get_device_capability()}: Fastest({', '.join(map(repr, fastest))}),"
        )


def measured(
    device: str, heads: int, rounds: int, clips: int, tokens: int
) -> dict[str, tuple[float, float]]:
    """Return form -> seconds of forward, and of forward and backward, taken in turn."""
    width = heads * HEAD_DIM
    qk, v = (
        torch.randn(clips, tokens, size, device=device, dtype=torch.bfloat16, requires_grad=True)
        for size in (4 * width, width)
    )
    attentions: dict[str, Attention] = {TWO_CALLS: partial(two_calls, heads=heads)}
    for form in forms(device):
        attentions[form] = partial(in_form, form=form, heads=heads)
    direction = torch.randn(clips, heads, tokens, HEAD_DIM, device=device).to(torch.bfloat16)
    best = dict.fromkeys(attentions, (math.inf, math.inf))
    for _ in range(rounds + 1):  # the first round compiles
        for name, attend in attentions.items():
            found = (
                seconds(partial(forward, attend, qk, v), device),
                seconds(partial(forward_backward, attend, qk, v, direction), device),
            )
            best[name] = min(best[name][0], found[0]), min(best[name][1], found[1])
    return best


def forms(device: str) -> list[Form]:
    """Return the forms that GPUs choose from, as far as they work here."""
    triton = device == "cuda" and importlib.util.find_spec("triton") is not None
    return ["fused", "stacked", "triton"] if triton else ["fused", "stacked"]


def two_calls(qk: Tensor, v: Tensor, heads: int) -> tuple[Tensor, Tensor]:
    q1, q2, k1, k2 = (part.unflatten(2, (heads, -1)).transpose(1, 2) for part in qk.chunk(4, 2))
    v = v.unflatten(2, (heads, -1)).transpose(1, 2)
    return F.scaled_dot_product_attention(q1, k1, v), F.scaled_dot_product_attention(q2, k2, v)


def in_form(qk: Tensor, v: Tensor, form: Form, heads: int) -> tuple[Tensor]:
    with attention_form(form):
        difference = differential_attention(
            qk.unflatten(2, (4 * heads, -1)).transpose(1, 2),
            v.unflatten(2, (heads, -1)).transpose(1, 2),
            LAMBDA,
        )
    return (difference,)


def forward(attend: Attention, qk: Tensor, v: Tensor) -> None:
    with torch.no_grad():
        attend(qk, v)


def forward_backward(attend: Attention, qk: Tensor, v: Tensor, direction: Tensor) -> None:
    out = attend(qk, v)
    torch.autograd.grad(out, (qk, v), [direction] * len(out))


def seconds(function: Callable[[], None], device: str, repetitions: int = 20) -> float:
    """Return the mean seconds of a call."""
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    wait()
    start = time.perf_counter()
    for _ in range(repetitions):
        function()
    wait()
    return (time.perf_counter() - start) / repetitions


if __name__ == "__main__":
    main()
