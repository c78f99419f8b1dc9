"""A process that runs the steps of one implementation, so that its peak memory is its own."""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

import torch
from model_steps import Form, finetuning, inference, model_config, pretraining

from asda.kernels.allocator import keep_freed_memory

REPEATS = {"cpu": 1, "cuda": 10}  # steps of a round


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
