#!/usr/bin/env python3
"""Fine-tuning steps in float32, bf16 and fp16, for models from small to base, on a CPU.

Usage: tools/bench/precisions.py [--rounds 6] [--precisions float32 bf16 fp16]

`training.precision: auto` follows from these figures. Single steps alternate between the precisions
after one step of each to warm up, and medians are reported. Clips are noise, which takes as long as
sound.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import dataclass

import torch
from arguments import positive
from torch import Tensor
from torch.nn import functional as F

from asda.kernels.allocator import keep_freed_memory
from asda.kernels.recompute import recompute_outputs, recomputing
from asda.model.classifier import Classifier
from asda.model.model_config import ModelConfig, PatchConfig
from asda.training.optimizer import make_optimizer
from asda.training.run_config import OptimizerConfig
from asda.training.updater import PRECISIONS

CLASSES = 10


@dataclass
class Case:
    """A model and a batch (clips, frames, mel)."""

    name: str
    model: ModelConfig
    batch: tuple[int, int, int]


def small(patch: PatchConfig) -> ModelConfig:
    return ModelConfig(size="tiny", depth=4, width=128, heads=4, patch=patch)


CASES = [
    Case("egs/fsdd, 32 x 1 s", small(PatchConfig(4, "all")), (32, 96, 40)),
    Case("egs/TEMPLATE, 32 x 2 s", small(PatchConfig(16, "all")), (32, 200, 128)),
    Case("egs/TEMPLATE, 32 x 10 s", small(PatchConfig(16, "all")), (32, 1000, 128)),
    Case("tiny, 8 x 5 s", ModelConfig(size="tiny"), (8, 500, 128)),
    Case("base, 2 x 5 s", ModelConfig(size="base"), (2, 500, 128)),
]


class Steps:
    """A classifier in training on one batch."""

    def __init__(self, case: Case):
        torch.manual_seed(0)
        self.features = torch.randn(case.batch)
        self.targets = torch.randint(CLASSES, case.batch[:1])
        self.model = Classifier(case.model.resolved(case.batch[2]), CLASSES, "cls").train()
        recompute_outputs(self.model)
        self.optimizer = make_optimizer(self.model, OptimizerConfig())

    def seconds(self, dtype: torch.dtype) -> float:
        """Make one step, and return how long it took."""
        start = time.perf_counter()
        with torch.autocast("cpu", dtype, enabled=dtype != torch.float32), recomputing():
            loss: Tensor = F.cross_entropy(self.model(self.features).float(), self.targets)
            loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=positive, default=6, help="timed steps per precision")
    parser.add_argument("--threads", type=positive, default=1, help="CPU threads")
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=list(PRECISIONS))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    keep_freed_memory()
    print(
        f"{'step':<26}"
        + "".join(f"{name + ' ms':>12}{'ratio':>7}" for name in arguments.precisions)
    )
    for case in CASES:
        steps = Steps(case)
        times: dict[str, list[float]] = {name: [] for name in arguments.precisions}
        for _ in range(arguments.rounds + 1):
            for name, taken in times.items():
                taken.append(steps.seconds(PRECISIONS[name]))
        medians = {name: statistics.median(taken[1:]) for name, taken in times.items()}
        first = next(iter(medians.values()))
        cells = (f"{1e3 * medians[n]:>12.1f}{medians[n] / first:>7.2f}" for n in medians)
        print(f"{case.name:<26}" + "".join(cells), flush=True)


if __name__ == "__main__":
    main()
