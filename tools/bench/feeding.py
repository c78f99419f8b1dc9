#!/usr/bin/env python3
"""Whether pretraining steps wait for the loader: clips per second with n workers.

Usage: tools/bench/feeding.py [--device cuda] [--workers 0 2 4 8] [--clips 12] [--out FILE]

Features of clips of 10 s are generated, dumped with compression 3 and read in shuffled order, with
masks drawn for each clip, as in pretraining. "loader" takes batches and copies them to the device,
without a step; "step" repeats a step on one batch; "fed" makes steps on batches as they come, and
"waits" is the part of its time that is more than that of the steps. --dry takes a tiny model on the
CPU.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from arguments import MODEL_SIZES
from generated_dump import make_dump
from model_steps import ASDA_BF16, model_config, update
from result_file import ResultFile
from step_profile import synchronize

from asda.commands.number_types import not_negative, positive
from asda.dataset.clips import open_clips
from asda.dataset.collate import Batch
from asda.dataset.data_config import DataConfig
from asda.dataset.feature_sources import FeatureInput
from asda.dataset.loaders import Loader, training_loader
from asda.dataset.targets import VisiblePatches
from asda.model.model_config import ModelConfig
from asda.model.pretrainer import Pretrainer

MEAN, STD = -4.268, 4.569
WARM_UP = 4  # batches that are not timed, while workers start


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--size", choices=MODEL_SIZES, default="base", help="model size")
    parser.add_argument("--clips", type=positive, default=12, help="clips per batch")
    parser.add_argument("--batches", type=positive, default=40, help="timed batches")
    parser.add_argument("--workers", type=not_negative, nargs="+", default=[0, 2, 4, 8])
    parser.add_argument("--dry", action="store_true", help="a tiny model on the CPU")
    parser.add_argument("--out", type=Path, help="JSON file for the results; measured ones stay")
    options = parser.parse_args()
    if options.dry:
        options.size, options.clips, options.batches, options.workers = "tiny", 1, 2, [0, 1]
    title = f"Clips per second of the {options.size} model, batches of {options.clips}"
    results = ResultFile(options.out, title, options.device)
    print(f"{'workers':>7}{'loader':>9}{'step':>9}{'fed':>9}{'waits':>8}")
    with tempfile.TemporaryDirectory() as name:
        folder = make_dump(Path(name) / "dump", 4 * options.clips, "3")
        step = pretraining_step(model_config(options.size), options.device)
        for workers in options.workers:
            if not results.find(workers=workers):
                loader = loader_of(folder, model_config(options.size), options.clips, workers)
                row = measured(loader, step, options.device, options.batches, options.clips)
                print("{:>7}{:>9.1f}{:>9.1f}{:>9.1f}{:>8.1%}".format(workers, *row.values()))
                results.add(workers=workers, **row)
    results.finish()


def loader_of(folder: Path, model: ModelConfig, clips: int, workers: int) -> Loader:
    """Return the loader of a pretraining."""
    data = DataConfig(batch_size=clips, workers=workers, norm_mean=MEAN, norm_std=STD)
    opened = open_clips(str(folder), FeatureInput(), data, targets=[VisiblePatches(model)])
    return training_loader(opened, seed=1, rank=0, world_size=1, start=0)


def pretraining_step(config: ModelConfig, device: str) -> Callable[[Batch], None]:
    """Return a step in bf16 on a batch."""
    model = Pretrainer(config).to(device).train()
    step = update(model, lambda features, visible: model(features, visible).loss, ASDA_BF16)

    def on_batch(batch: Batch) -> None:
        with torch.autocast(device, torch.bfloat16):
            step(batch.features, batch.extras[VisiblePatches.name])

    return on_batch


def measured(
    loader: Loader, step: Callable[[Batch], None], device: str, batches: int, clips: int
) -> dict[str, float]:
    """Return clips per second of the loader, of steps and of steps that it feeds; and the wait."""

    def on_device() -> Iterator[Batch]:
        return (batch.to(torch.device(device)) for batch in loader)

    def seconds(source: Iterator[Batch], work: Callable[[Batch], None]) -> float:
        for batch in itertools.islice(source, WARM_UP):
            work(batch)
        synchronize(device)
        start = time.perf_counter()
        for batch in itertools.islice(source, batches):
            work(batch)
        synchronize(device)
        return (time.perf_counter() - start) / batches

    ready = next(on_device())
    of_loader = seconds(on_device(), lambda batch: None)
    of_step = seconds(itertools.repeat(ready), step)
    fed = seconds(on_device(), step)
    rates = {"loader": clips / of_loader, "step": clips / of_step, "fed": clips / fed}
    return rates | {"waits": max(0.0, 1 - of_step / fed)}


if __name__ == "__main__":
    main()
