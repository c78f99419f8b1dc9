#!/usr/bin/env python3
"""Training steps and inference of the base model, against the textbook form in textbook.py.

Usage: tools/bench/training_step.py [CASE ...] [--rounds 2] [--device cuda] [--out FILE]

On a CPU: a pretraining step of one clip with 16 masks, a fine-tuning step and the inference of 4
clips, of 10 s each, in float32 and bf16. On a GPU, under bf16 autocast: pretraining of 12 clips,
fine-tuning and inference of 32, and differential attention alone (attention_forms.py).

A step is everything between two batches: teacher update, forward, backward, gradient clipping and
AdamW. Each form runs in a process of its own, so that peak memory can be compared; they take turns
at single steps after one to warm up, and the fastest step is reported. Clips are noise, which takes
as long as sound.

On a GPU the forms run one after the other, so that each has all of its memory; a round is 10 steps
without a pause, and asda is measured as it is, with compiled blocks, and with CUDA graphs of them.
"largest" are pretraining steps of 24, 48, ... clips, until clips per second rise by less than 2 %
or memory is full. --dry runs all this on the CPU with a tiny model, where compiling ends after it
has traced the blocks.

The floor is the number of multiply-adds in matrix products and convolutions (multiply_adds.py), at
the rate of a large matrix product measured between the steps; "peak" is their rate as a share of
what the card can compute in bf16 by its data sheet (gpu_peaks.py).
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
from pathlib import Path
from typing import Any

import attention_forms
import numpy as np
import textbook
import torch
from arguments import MODEL_SIZES
from gpu_peaks import peak
from multiply_adds import of_finetuning, of_inference, of_pretraining
from result_file import ResultFile
from torch import Tensor, nn
from torch.nn import functional as F

from asda.commands.number_types import positive
from asda.kernels.allocator import keep_freed_memory
from asda.kernels.recompute import recompute_where_it_pays
from asda.model.block import Block
from asda.model.classifier import Classifier
from asda.model.masking import sample_visible
from asda.model.model_config import ModelConfig, patch_grid
from asda.model.pretrainer import Pretrainer
from asda.training.optimizer import make_optimizer
from asda.training.run_config import OptimizerConfig

FRAMES, CLASSES = 1024, 527
CASES = ("pretraining", "finetuning", "inference", "attention", "largest")
CLIPS = {
    "cpu": {"pretraining": 1, "finetuning": 4, "inference": 4},
    "cuda": {"pretraining": 12, "finetuning": 32, "inference": 32},
    "dry": {"pretraining": 1, "finetuning": 1, "inference": 1},
}
REPEATS = {"cpu": 1, "cuda": 10}  # steps of a round
LARGEST = {"cuda": 192, "cpu": 2}  # clips at which the search for the largest batch ends
WORTHWHILE = 1.02  # times as many clips per second, for which a batch is doubled


@dataclass
class Form:
    """One of the implementations compared; `compiled` are options of torch.compile."""

    name: str
    asda: bool
    dtype: torch.dtype
    compiled: dict[str, Any] | None = None


# Student and teacher have other numbers of tokens, which must not make all sizes variable.
FIXED_SHAPES = {"dynamic": False}
ASDA_BF16 = Form("asda bf16", True, torch.bfloat16)
FORMS = {
    "cpu": [
        Form("textbook", False, torch.float32),
        Form("asda", True, torch.float32),
        ASDA_BF16,
    ],
    "cuda": [
        Form("textbook bf16", False, torch.bfloat16),
        ASDA_BF16,
        Form("compiled", True, torch.bfloat16, FIXED_SHAPES),
        Form("CUDA graphs", True, torch.bfloat16, FIXED_SHAPES | {"mode": "reduce-overhead"}),
    ],
    "dry": [
        Form("textbook bf16", False, torch.bfloat16),
        ASDA_BF16,
        Form("traced", True, torch.bfloat16, FIXED_SHAPES | {"backend": "aot_eager"}),
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
    parser.add_argument("--dry", action="store_true", help="try out the GPU's cases on the CPU")
    parser.add_argument("--out", type=Path, help="JSON file for the results; measured ones stay")
    arguments = parser.parse_args()
    device, size = arguments.device, "tiny" if arguments.dry else arguments.size
    kind = "dry" if arguments.dry else device
    cases = arguments.cases or (CASES[:3] if kind == "cpu" else CASES)
    if unknown := set(cases) - set(CASES):
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    results = ResultFile(arguments.out, f"Steps of the {size} model, clips of 10 s", device)
    print(f"{size} model, {machine(device)}; MiB are peaks")
    print(
        f"{'step':<22}{'form':<15}{'s':>8}{'ratio':>7}{'clips/s':>9}{'MiB':>8}{'ratio':>7}"
        f"{'floor s':>9}{'s / floor':>11}{'peak':>7}"
    )
    for case in cases:
        if case == "attention":
            clips = 1 if arguments.dry else arguments.clips
            attention_forms.compare(device, model_config(size).heads, arguments.rounds, clips)
        elif case == "largest":
            find_largest(CLIPS[kind]["pretraining"], device, size, results)
        else:
            clips = arguments.clips or CLIPS[kind][case]
            table = Comparison(case, clips, device, size, results)
            measure = table.in_turn if kind == "cpu" else table.one_by_one
            measure(FORMS[kind], arguments.rounds)
    results.finish()


def model_config(size: str) -> ModelConfig:
    """Return the configuration of a model size in the reference's form."""
    return ModelConfig(size=size, cls_reduction="sum").resolved()


def machine(device: str) -> str:
    if device == "cuda":
        return torch.cuda.get_device_name()
    return f"{torch.get_num_threads()} threads on {os.cpu_count()} cores"


class Comparison:
    """The forms of one case; each is a line and a row of the results."""

    def __init__(self, case: str, clips: int, device: str, size: str, results: ResultFile):
        self.case, self.clips, self.device, self.size = case, clips, device, size
        self.results = results
        self.products = multiply_adds(case, clips, model_config(size))
        row = results.find(step=self.name)
        self.first = row and (row["seconds"], row["MiB"])  # of the first form

    def in_turn(self, forms: list[Form], rounds: int) -> None:
        """Measure forms step by step in turn, so that all meet the same load of the machine."""
        workers = [self._worker(form) for form in forms]
        for worker in workers:
            worker.step()
        best, rates = [math.inf] * len(forms), [0.0] * len(forms)
        for _ in range(rounds):
            for index, (form, worker) in enumerate(zip(forms, workers, strict=True)):
                best[index] = min(best[index], worker.step())
                rates[index] = max(rates[index], product_rate(form.dtype, self.device))
        peaks = [worker.end() for worker in workers]
        for form, seconds, mib, rate in zip(forms, best, peaks, rates, strict=True):
            self._report(form, seconds, mib, rate)

    def one_by_one(self, forms: list[Form], rounds: int) -> float:
        """Measure forms one after the other; return the fewest seconds of a step."""
        left = [form for form in forms if not self.results.find(step=self.name, form=form.name)]
        workers = [self._worker(form) for form in left]  # they import torch side by side
        fewest = math.inf
        for form, worker in zip(left, workers, strict=True):
            try:
                worker.step()
                seconds = min(worker.step() for _ in range(rounds))
                mib, rate = worker.end(), product_rate(form.dtype, self.device)
            except StepError as error:  # such as memory that is full, or no C compiler
                print(f"{self.name:<22}{form.name:<15}{error}", flush=True)
                self.results.add(step=self.name, form=form.name, error=str(error))
                continue
            self._report(form, seconds, mib, rate)
            fewest = min(fewest, seconds)
        return fewest

    @property
    def name(self) -> str:
        return f"{self.case} x {self.clips}"

    def _worker(self, form: Form) -> Worker:
        return Worker(self.case, self.clips, self.device, self.size, form)

    def _report(self, form: Form, seconds: float, mib: float, rate: float) -> None:
        self.first = first_seconds, first_mib = self.first or (seconds, mib)
        floor, most = 2 * self.products / rate, None
        if self.device == "cuda":
            most = peak(torch.cuda.get_device_name())
        share = 2 * self.products / seconds / most if most else None
        print(
            f"{self.name:<22}{form.name:<15}{seconds:>8.3f}"
            f"{first_seconds / seconds:>7.2f}{self.clips / seconds:>9.2f}{mib:>8.0f}"
            f"{mib / first_mib:>7.2f}{floor:>9.3f}{seconds / floor:>11.2f}"
            f"{f'{share:.1%}' if share else '–':>7}",
            flush=True,
        )
        self.results.add(
            step=self.name,
            form=form.name,
            seconds=seconds,
            speedup=first_seconds / seconds,
            clips_per_second=self.clips / seconds,
            MiB=mib,
            seconds_over_floor=seconds / floor,
            share_of_bf16_peak=share,
        )


def find_largest(clips: int, device: str, size: str, results: ResultFile) -> None:
    """Double the clips of a pretraining step as long as that pays."""
    rate = 0.0
    while (clips := 2 * clips) <= LARGEST[device]:
        seconds = Comparison("pretraining", clips, device, size, results).one_by_one([ASDA_BF16], 1)
        if clips / seconds < WORTHWHILE * rate:
            break
        rate = clips / seconds


class StepError(Exception):
    """A form that cannot make a step."""


class Worker:
    """A process with the model of one form that runs a round of steps on request."""

    def __init__(self, *what: object):
        context = multiprocessing.get_context("spawn")
        self.connection, other = context.Pipe()
        self.process = context.Process(target=work, args=(other, *what), daemon=True)
        self.process.start()

    def step(self) -> float:
        """Run a round; return the seconds of a step.

        Raises:
            StepError: saying in a line what went wrong in the process.
        """
        return self._answer("step")

    def end(self) -> float:
        """Return peak memory in MiB."""
        peak_mib = self._answer("end")
        self.process.join()
        return peak_mib

    def _answer(self, request: str) -> float:
        self.connection.send(request)
        try:
            answer = self.connection.recv()
        except EOFError:
            raise StepError("the process ended without a word") from None
        if isinstance(answer, str):
            self.process.join()
            raise StepError(answer)
        return answer


def work(connection: Connection, case: str, clips: int, device: str, size: str, form: Form) -> None:
    """Run rounds on request until told to stop; a model is made on the first one."""
    try:
        _work(connection, case, clips, device, size, form)
    except Exception as error:  # of any kind: compilers and drivers have their own
        first = next(iter(str(error).splitlines()), "")
        connection.send(f"{type(error).__name__}: {first}"[:200])


def _work(
    connection: Connection, case: str, clips: int, device: str, size: str, form: Form
) -> None:
    torch.manual_seed(0)
    if form.asda and device == "cpu":
        keep_freed_memory()
    make = {"pretraining": pretraining, "finetuning": finetuning, "inference": inference}[case]
    step: Callable[[], object] | None = None
    while connection.recv() == "step":
        step = step or make(model_config(size), clips, device, form)
        with torch.autocast(device, torch.bfloat16, enabled=form.dtype == torch.bfloat16):
            connection.send(timed(step, device, REPEATS[device]))
    if device == "cuda":
        connection.send(torch.cuda.max_memory_allocated() / 2**20)
    else:
        connection.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10)


def timed(function: Callable[[], object], device: str, repeats: int = 1) -> float:
    """Return the mean seconds that a function takes, called again and again without a pause."""
    if device == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(repeats):
        function()
    if device == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / repeats


def pretraining(config: ModelConfig, clips: int, device: str, form: Form) -> Callable[[], None]:
    """Return a pretraining step on clips with `config.num_masks` masks each."""
    fbank = torch.randn(clips, FRAMES, config.mel_bins, device=device)
    patches = math.prod(patch_grid(config, FRAMES))
    visible = masks(config, clips).to(device)
    if form.asda:
        model = compiled(Pretrainer(config).to(device).train(), form)
        return update(model, lambda: model(fbank, visible).loss, form)
    model = textbook.Pretrainer(config, FRAMES).to(device).train()
    mask = torch.ones(clips * config.num_masks, patches, dtype=torch.uint8, device=device)
    mask = mask.scatter(1, visible.flatten(0, 1), 0)
    return update(model, lambda: sum(model(fbank, mask)), form)


def masks(config: ModelConfig, clips: int, frames: int = FRAMES) -> Tensor:
    """Return the visible patches (clips, num_masks, visible)."""
    grid, rng = patch_grid(config, frames), np.random.default_rng(0)
    visible = [sample_visible(*grid, config.num_masks, config.mask, rng) for _ in range(clips)]
    return torch.from_numpy(np.stack(visible))


def compiled(model: nn.Module, form: Form) -> nn.Module:
    """Return the model, whose blocks are compiled if the form says so: one after the other, since
    all are alike, and compiling one serves all.
    """
    for module in model.modules() if form.compiled else ():
        if isinstance(module, Block):
            module.compile(**form.compiled)
    return model


def finetuning(config: ModelConfig, clips: int, device: str, form: Form) -> Callable[[], None]:
    """Return a fine-tuning step."""
    model, fbank = classifier(config, clips, device, form)
    labels = torch.randint(2, (clips, CLASSES), device=device).float()
    model.train()
    return update(
        model, lambda: F.binary_cross_entropy_with_logits(model(fbank).float(), labels), form
    )


def inference(config: ModelConfig, clips: int, device: str, form: Form) -> Callable[[], Tensor]:
    """Return a function that computes logits of clips."""
    model, fbank = classifier(config, clips, device, form)
    model.eval()
    return torch.no_grad()(lambda: model(fbank))


def classifier(
    config: ModelConfig, clips: int, device: str, form: Form
) -> tuple[nn.Module, Tensor]:
    fbank = torch.randn(clips, FRAMES, config.mel_bins, device=device)
    if form.asda:
        return compiled(Classifier(config, CLASSES, "cls").to(device), form), fbank
    return textbook.Classifier(config, CLASSES, FRAMES).to(device), fbank


def update(model: nn.Module, loss: Callable[..., Tensor], form: Form) -> Callable[..., None]:
    """Return a training step for a loss, which gets the arguments of the step."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    context: Callable[[], AbstractContextManager] = nullcontext
    if form.asda:
        optimizer = make_optimizer(model, OptimizerConfig())
        if not form.compiled:  # as the training loop does
            context = recompute_where_it_pays(model)
    else:
        optimizer = textbook.make_optimizer(model, 1e-4)

    def step(*batch: Tensor) -> None:
        if form.compiled:
            torch.compiler.cudagraph_mark_step_begin()
        if hasattr(model, "update_teacher"):
            model.update_teacher(0.9998)
        with context():
            loss(*batch).backward()
        nn.utils.clip_grad_norm_(parameters, 4.0, foreach=form.asda)
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
