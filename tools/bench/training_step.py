#!/usr/bin/env python3
"""Training steps and inference of the base model, against the textbook form in textbook.py.

Usage: tools/bench/training_step.py [CASE ...] [--rounds 2] [--device cuda]

On a CPU: a pretraining step of one clip with 16 masks, a fine-tuning step and the inference of 4
clips, of 10 s each, in float32 and bf16. On a GPU, under bf16 autocast: pretraining of 12 clips,
fine-tuning and inference of 32, and differential attention alone (attention_forms.py).

A step is everything between two batches: teacher update, forward, backward, gradient clipping and
AdamW. Each form runs in a process of its own, so that peak memory can be compared; they take turns
at single steps after one to warm up, and the fastest step is reported. Clips are noise, which takes
as long as sound.

The floor is the number of multiply-adds in matrix products and convolutions (multiply_adds.py), at
the rate of a large matrix product measured between the steps.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import resource
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from multiprocessing.connection import Connection

import attention_forms
import numpy as np
import textbook
import torch
from arguments import MODEL_SIZES, positive
from multiply_adds import of_finetuning, of_inference, of_pretraining
from torch import Tensor, nn
from torch.nn import functional as F

from asda.kernels.allocator import keep_freed_memory
from asda.kernels.recompute import recompute_outputs, recomputing
from asda.model.classifier import Classifier
from asda.model.masking import sample_visible
from asda.model.model_config import ModelConfig, patch_grid
from asda.model.pretrainer import Pretrainer
from asda.training.optimizer import make_optimizer
from asda.training.run_config import OptimizerConfig

FRAMES, CLASSES = 1024, 527
CASES = ("pretraining", "finetuning", "inference", "attention")
CLIPS = {
    "cpu": {"pretraining": 1, "finetuning": 4, "inference": 4},
    "cuda": {"pretraining": 12, "finetuning": 32, "inference": 32},
}


@dataclass
class Form:
    """One of the implementations compared."""

    name: str
    asda: bool
    dtype: torch.dtype


FORMS = {
    "cpu": [
        Form("textbook", False, torch.float32),
        Form("asda", True, torch.float32),
        Form("asda bf16", True, torch.bfloat16),
    ],
    "cuda": [
        Form("textbook bf16", False, torch.bfloat16),
        Form("asda bf16", True, torch.bfloat16),
    ],
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"any of {', '.join(CASES)}")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument(
        "--clips", type=positive, help="clips per step (default: depends on the case)"
    )
    parser.add_argument("--rounds", type=positive, default=2, help="timed steps per form")
    parser.add_argument("--size", choices=MODEL_SIZES, default="base", help="model size")
    arguments = parser.parse_args()
    device, config = arguments.device, model_config(arguments.size)
    cases = arguments.cases or (CASES if device == "cuda" else CASES[:3])
    if unknown := set(cases) - set(CASES):
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    print(f"{arguments.size} model, {machine(device)}; MiB are peaks")
    print(
        f"{'step':<22}{'form':<15}{'s':>8}{'ratio':>7}{'clips/s':>9}{'MiB':>8}{'ratio':>7}"
        f"{'floor s':>9}{'s / floor':>11}"
    )
    for case in cases:
        if case == "attention":
            attention_forms.compare(device, config.heads, arguments.rounds, arguments.clips)
        else:
            clips = arguments.clips or CLIPS[device][case]
            compare(case, clips, device, arguments.size, arguments.rounds)


def model_config(size: str) -> ModelConfig:
    """Return the configuration of a model size in the reference's form."""
    return ModelConfig(size=size, cls_reduction="sum").resolved()


def machine(device: str) -> str:
    if device == "cuda":
        return torch.cuda.get_device_name()
    return f"{torch.get_num_threads()} threads on {os.cpu_count()} cores"


def compare(case: str, clips: int, device: str, size: str, rounds: int) -> None:
    """Print one line per form."""
    forms = FORMS[device]
    workers = [Worker(case, clips, device, size, form) for form in forms]
    best, rates = [math.inf] * len(forms), [0.0] * len(forms)
    for _ in range(rounds):
        for index, (form, worker) in enumerate(zip(forms, workers, strict=True)):
            best[index] = min(best[index], worker.step())
            rates[index] = max(rates[index], product_rate(form.dtype, device))
    peaks = [worker.end() for worker in workers]
    products = multiply_adds(case, clips, model_config(size))
    for form, seconds, peak, rate in zip(forms, best, peaks, rates, strict=True):
        floor = 2 * products / rate
        print(
            f"{f'{case} x {clips}':<22}{form.name:<15}{seconds:>8.3f}"
            f"{best[0] / seconds:>7.2f}{clips / seconds:>9.2f}{peak:>8.0f}{peak / peaks[0]:>7.2f}"
            f"{floor:>9.3f}{seconds / floor:>11.2f}",
            flush=True,
        )


class Worker:
    """A process with the model of one form that runs a step on request."""

    def __init__(self, *what: object):
        context = multiprocessing.get_context("spawn")
        self.connection, other = context.Pipe()
        self.process = context.Process(target=work, args=(other, *what), daemon=True)
        self.process.start()
        self.step()

    def step(self) -> float:
        """Run a step; return its seconds."""
        self.connection.send("step")
        return self.connection.recv()

    def end(self) -> float:
        """Return peak memory in MiB."""
        self.connection.send("end")
        peak = self.connection.recv()
        self.process.join()
        return peak


def work(connection: Connection, case: str, clips: int, device: str, size: str, form: Form) -> None:
    """Run steps on request until told to stop."""
    torch.manual_seed(0)
    if form.asda and device == "cpu":
        keep_freed_memory()
    make = {"pretraining": pretraining, "finetuning": finetuning, "inference": inference}[case]
    step = make(model_config(size), clips, device, form.asda)
    while connection.recv() == "step":
        with torch.autocast(device, torch.bfloat16, enabled=form.dtype == torch.bfloat16):
            connection.send(timed(step, device))
    if device == "cuda":
        connection.send(torch.cuda.max_memory_allocated() / 2**20)
    else:
        connection.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10)


def timed(function: Callable[[], object], device: str) -> float:
    """Return the seconds that a function takes."""
    if device == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    function()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def pretraining(config: ModelConfig, clips: int, device: str, asda: bool) -> Callable[[], None]:
    """Return a pretraining step on clips with `config.num_masks` masks each."""
    fbank = torch.randn(clips, FRAMES, config.mel_bins, device=device)
    patches = math.prod(patch_grid(config, FRAMES))
    visible = masks(config, clips).to(device)
    if asda:
        model = Pretrainer(config).to(device).train()
        return update(model, lambda: model(fbank, visible).loss, asda)
    model = textbook.Pretrainer(config, FRAMES).to(device).train()
    mask = torch.ones(clips * config.num_masks, patches, dtype=torch.uint8, device=device)
    mask = mask.scatter(1, visible.flatten(0, 1), 0)
    return update(model, lambda: sum(model(fbank, mask)), asda)


def masks(config: ModelConfig, clips: int) -> Tensor:
    """Return the visible patches (clips, num_masks, visible)."""
    grid, rng = patch_grid(config, FRAMES), np.random.default_rng(0)
    visible = [sample_visible(*grid, config.num_masks, config.mask, rng) for _ in range(clips)]
    return torch.from_numpy(np.stack(visible))


def finetuning(config: ModelConfig, clips: int, device: str, asda: bool) -> Callable[[], None]:
    """Return a fine-tuning step."""
    model, fbank = classifier(config, clips, device, asda)
    labels = torch.randint(2, (clips, CLASSES), device=device).float()
    model.train()
    return update(
        model, lambda: F.binary_cross_entropy_with_logits(model(fbank).float(), labels), asda
    )


def inference(config: ModelConfig, clips: int, device: str, asda: bool) -> Callable[[], Tensor]:
    """Return a function that computes logits of clips."""
    model, fbank = classifier(config, clips, device, asda)
    model.eval()
    return torch.no_grad()(lambda: model(fbank))


def classifier(
    config: ModelConfig, clips: int, device: str, asda: bool
) -> tuple[nn.Module, Tensor]:
    fbank = torch.randn(clips, FRAMES, config.mel_bins, device=device)
    if asda:
        return Classifier(config, CLASSES, "cls").to(device), fbank
    return textbook.Classifier(config, CLASSES, FRAMES).to(device), fbank


def update(model: nn.Module, loss: Callable[[], Tensor], asda: bool) -> Callable[[], None]:
    """Return a training step for a loss."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    context: Callable[[], AbstractContextManager] = nullcontext
    if asda:
        optimizer = make_optimizer(model, OptimizerConfig())
        if parameters[0].device.type == "cpu":  # as the training loop does
            recompute_outputs(model)
            context = recomputing
    else:
        optimizer = textbook.make_optimizer(model, 1e-4)

    def step() -> None:
        if hasattr(model, "update_teacher"):
            model.update_teacher(0.9998)
        with context():
            loss().backward()
        nn.utils.clip_grad_norm_(parameters, 4.0, foreach=asda)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def multiply_adds(case: str, clips: int, config: ModelConfig) -> float:
    """Return those of a step."""
    patches = math.prod(patch_grid(config, FRAMES))
    if case == "pretraining":
        return of_pretraining(config, patches, masks(config, 1).shape[2], clips)
    return {"finetuning": of_finetuning, "inference": of_inference}[case](config, patches, clips)


def product_rate(dtype: torch.dtype, device: str) -> float:
    """Return operations per second of a matrix product, the best of 5."""
    side = 8192 if device == "cuda" else 2048
    matrix = torch.randn(side, side, device=device).to(dtype)
    return 2 * side**3 / min(timed(lambda: matrix @ matrix, device) for _ in range(5))


if __name__ == "__main__":
    main()
