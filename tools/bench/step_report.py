"""The lines and results of training_step.py: each implementation's time, memory and floor."""

from __future__ import annotations

import math

import torch
from gpu_peaks import peak
from model_steps import ASDA_BF16, FRAMES, Form, masks, model_config
from multiply_adds import of_finetuning, of_inference, of_pretraining
from result_file import ResultFile
from step_worker import StepError, Worker, timed

from asda.model.model_config import ModelConfig, patch_grid

LARGEST = {"cuda": 192, "cpu": 2}  # clips at which the search for the largest batch ends
WORTHWHILE = 1.02  # times as many clips per second, for which a batch is doubled


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
