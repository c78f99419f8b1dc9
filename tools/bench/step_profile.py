#!/usr/bin/env python3
"""Where the time of a pretraining step goes, in numbers.

Usage: tools/bench/step_profile.py [--device cuda] [--size base] [--clips 12] [--out FILE]

PyTorch's profiler records a few steps in bf16. The first table sums the time of kernels (on a CPU:
of operators) by kind, as a share of the whole time; "idle" is the time in which a GPU computes
nothing, waiting for the host. The second lists the ten that took longest. --dry takes a tiny model
on the CPU.
"""

from __future__ import annotations

import argparse
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import torch
from arguments import MODEL_SIZES
from model_steps import ASDA_BF16, model_config, pretraining
from result_file import ResultFile
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from asda.commands.number_types import positive

# Kinds by what is in the name of a kernel or operator; the first that fits counts.
KINDS = {
    "attention": r"flash|fmha|attention|sdpa|softmax",
    "optimizer, EMA, clipping": r"multi_tensor_apply|adam|_foreach|lerp|linalg_vector_norm",
    "convolutions": r"conv|wgrad|dgrad|implicit",
    "matrix products": r"gemm|cutlass|xmma|nvjet|cublas|splitk|\bmm\b|bmm|addmm|matmul|linear",
    "copies": r"memcpy|memset|copy|::to\b|contiguous|clone",
    "norms": r"norm",
    "indexing, sorting": r"index|gather|scatter|sort|radix|where|arange|cub::",
    "sums": r"reduce|sum|mean",
    "elementwise": r"elementwise|vectorized|triton|gelu|add|mul|sub|div|sqrt|square|fill|zero",
}
STEPS = 3
LONGEST = 10


class Span(NamedTuple):
    """A kernel that ran from one time to another, in microseconds."""

    name: str
    start: float
    end: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--size", choices=MODEL_SIZES, default="base", help="model size")
    parser.add_argument("--clips", type=positive, default=12, help="clips per step")
    parser.add_argument("--dry", action="store_true", help="a tiny model on the CPU")
    parser.add_argument("--out", type=Path, help="JSON file for the results")
    arguments = parser.parse_args()
    device = arguments.device
    size, clips = ("tiny", 1) if arguments.dry else (arguments.size, arguments.clips)
    title = f"A pretraining step of the {size} model with {clips} clips, by kinds of kernels"
    results = ResultFile(arguments.out, title, device)
    results.content["rows"] = []  # all of it is measured at once
    spans, microseconds = recorded(
        pretraining(model_config(size), clips, device, ASDA_BF16), device
    )
    for row in rows(spans, microseconds, device):
        print(f"{row['part']:<100}{row['ms_per_step']:>10.2f} ms{row['share']:>8.1%}")
        results.add(**row)
    results.finish()


def recorded(step: Callable[[], None], device: str) -> tuple[list[Span], float]:
    """Return the kernels of some steps, and how many microseconds these took."""
    autocast = torch.autocast(device, torch.bfloat16)
    activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * (device == "cuda")
    with autocast:
        step()
        step()
        synchronize(device)
        with profile(activities=activities) as profiler:
            start = time.perf_counter()
            for _ in range(STEPS):
                step()
            synchronize(device)
            microseconds = 1e6 * (time.perf_counter() - start)
    if device == "cuda":
        # Named stretches of the program, such as "Optimizer.step", would count a second time.
        events = [e for e in profiler.events() if not e.is_user_annotation]
        kernels = [e for e in events if e.device_type == DeviceType.CUDA]
        return [Span(e.name, e.time_range.start, e.time_range.end) for e in kernels], microseconds
    operators = profiler.events()
    return [Span(e.name, 0.0, e.self_cpu_time_total) for e in operators], microseconds


def synchronize(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def rows(spans: list[Span], microseconds: float, device: str) -> Iterable[dict[str, object]]:
    """Yield the rows of both tables."""
    kinds, names = Counter[str](), Counter[str]()
    for span in spans:
        kinds[kind_of(span.name)] += span.end - span.start
        names[span.name] += span.end - span.start
    if device == "cuda":
        kinds["idle"] = microseconds - busy(spans)
    parts = [*kinds.most_common(), *names.most_common(LONGEST)]
    for part, total in parts:
        yield {
            "part": part[:99],
            "ms_per_step": total / STEPS / 1000,
            "share": total / microseconds,
        }


def kind_of(name: str) -> str:
    """Return the kind of a kernel or operator."""
    found = (kind for kind, words in KINDS.items() if re.search(words, name, re.IGNORECASE))
    return next(found, "other")


def busy(spans: Iterable[Span]) -> float:
    """Return the time in which at least one kernel runs."""
    total, until = 0.0, 0.0
    for span in sorted(spans, key=lambda span: span.start):
        total += max(0.0, span.end - max(span.start, until))
        until = max(until, span.end)
    return total


if __name__ == "__main__":
    main()
