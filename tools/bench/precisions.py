#!/usr/bin/env python3
"""Training steps in float32, bf16 and fp16, for models from small to base, on a CPU.

Usage: tools/bench/precisions.py [--rounds 6] [--precisions float32 bf16 fp16]

`training.precision: auto` follows from these figures. Single steps alternate between the precisions
after one step of each to warm up, and medians are reported. Pretraining steps are those of recipes,
with the batches of their conf/pretrain.yaml. Clips are noise, which takes as long as sound.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from model_steps import masks
from torch import Tensor, nn
from torch.nn import functional as F

from asda.commands.number_types import positive
from asda.configuration import build, read_yaml
from asda.kernels.allocator import keep_freed_memory
from asda.kernels.precision import PRECISIONS
from asda.kernels.recompute import recompute_where_it_pays
from asda.model.classifier import Classifier
from asda.model.model_config import ModelConfig, PatchConfig
from asda.model.pretrainer import Pretrainer
from asda.training.optimizer import make_optimizer
from asda.training.run_config import OptimizerConfig

CLASSES = 10
RECIPES = ("mini", "fsdd", "esc50")
REPOSITORY = Path(__file__).resolve().parents[2]


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
    """A model in training on one batch, and what returns its loss."""

    def __init__(self, model: nn.Module, loss: Callable[[], Tensor]):
        self.model, self.loss = model.train(), loss
        self.context = recompute_where_it_pays(self.model)  # as the training loop does
        self.optimizer = make_optimizer(self.model, OptimizerConfig())

    def seconds(self, dtype: torch.dtype) -> float:
        """Make one step, and return how long it took."""
        start = time.perf_counter()
        with torch.autocast("cpu", dtype, enabled=dtype != torch.float32), self.context():
            self.loss().backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return time.perf_counter() - start


def finetuning(case: Case) -> Steps:
    features, labels = torch.randn(case.batch), torch.randint(CLASSES, case.batch[:1])
    model = Classifier(case.model.resolved(case.batch[2]), CLASSES, "cls")
    return Steps(model, lambda: F.cross_entropy(model(features).float(), labels))


def pretraining(recipe: str) -> Steps:
    path = REPOSITORY / f"egs/{recipe}/conf/pretrain.yaml"
    settings = read_yaml(path)
    config = build(ModelConfig, settings["model"], str(path)).resolved()
    clips, frames = settings["data"]["batch_size"], settings["data"]["max_frames"]
    features = torch.randn(clips, frames, config.mel_bins)
    visible = masks(config, clips, frames)
    model = Pretrainer(config)
    return Steps(model, lambda: model(features, visible).loss)


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
    torch.manual_seed(0)
    makers = {f"egs/{recipe}, pretraining": partial(pretraining, recipe) for recipe in RECIPES}
    makers |= {case.name: partial(finetuning, case) for case in CASES}
    for name, make in makers.items():
        steps = make()
        times: dict[str, list[float]] = {name: [] for name in arguments.precisions}
        for _ in range(arguments.rounds + 1):
            for precision, taken in times.items():
                taken.append(steps.seconds(PRECISIONS[precision]))
        medians = [statistics.median(taken[1:]) for taken in times.values()]
        cells = (f"{1e3 * median:>12.1f}{median / medians[0]:>7.2f}" for median in medians)
        print(f"{name:<26}" + "".join(cells), flush=True)


if __name__ == "__main__":
    main()
