"""Processes and devices: this process among those that torchrun started."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from asda.files import InputError
from asda.peers import Peers, connect

STORE_SECONDS = 300.0  # PyTorch's own limit for an answer of the store
LAUNCH = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


@dataclass
class Process:
    """This process among those of a run, and the device it trains on."""

    rank: int
    world_size: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes files and logs for all."""
        return self.rank == 0


def start_process(device: str = "auto", threads: int = 0) -> Process:
    """Join the process group that torchrun describes, if any (gloo on CPU, nccl on GPU)."""
    if "TORCHELASTIC_RUN_ID" in os.environ:
        _stop_with_launcher()
    if threads:
        torch.set_num_threads(threads)
    chosen = find_device(device)
    if chosen.type == "cuda" and chosen.index is not None:  # "cuda" is the current one
        torch.cuda.set_device(chosen)
    if _is_launched() and not dist.is_initialized():
        _join("cpu:gloo,cuda:nccl" if chosen.type == "cuda" else "gloo")
    return Process(*place(), chosen)


def _join(backend: str) -> None:
    """Join the process group.

    In a run that torchrun has restarted, PyTorch 2.14 would find the addresses of the processes
    before, and wait for these.
    """
    if os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") == "0":
        dist.init_process_group(backend)
        return
    store = connect(STORE_SECONDS)
    rank, processes = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    dist.init_process_group(backend, store=store, rank=rank, world_size=processes)


@contextlib.contextmanager
def joined(device: str = "auto", threads: int = 0, lost_after: float = 2.0) -> Iterator[Process]:
    """Be one of the processes of a run within the block, and end when one of the others is lost.

    Args:
        device: name of the device
        threads: number of CPU threads (0 = all cores)
        lost_after: minutes without a sign of life after which a process counts as lost

    Raises:
        InputError: naming the process and its host, when an exchange fails since it has ended.
    """
    process = start_process(device, threads)
    if process.world_size == 1:
        yield process
        end_process()
        return
    peers = Peers(process.rank, gather(socket.gethostname()), 60 * lost_after)
    try:
        yield process
    except BaseException as error:
        # gloo and NCCL raise RuntimeError, with a traceback for every process.
        lost = peers.lost() if isinstance(error, RuntimeError) else None
        peers.leave(failed=True)
        if lost:
            raise InputError(f"{lost}; the same command resumes from the last checkpoint") from None
        raise
    peers.leave(failed=False)
    end_process()


def _stop_with_launcher() -> None:
    """Have Linux send SIGTERM when torchrun ends, however it ends.

    A torchrun that is killed, or that gets SIGUSR1, leaves its processes behind: they would train
    on and keep the experiment folder locked, or wait for its store for up to 30 minutes.
    """
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def _is_launched() -> bool:
    """Return whether torchrun, or another launcher with its variables, has started this process.

    Cluster software sets some of these names for purposes of its own.
    """
    return all(name in os.environ for name in LAUNCH)


def find_device(name: str) -> torch.device:
    """Return a device by its name; "auto" is a GPU if there is one, else the CPU.

    Without a number, each of several processes on a host has a GPU of its own.

    Raises:
        InputError: if there is no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and _is_launched():
        name = f"cuda:{os.environ.get('LOCAL_RANK', 0)}"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise InputError(f"no device '{name}'; known are auto, cpu, cuda and cuda:0") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise InputError(f"device {name}: PyTorch finds no GPU; use auto or cpu")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InputError(
            f"device {name}: PyTorch finds {torch.cuda.device_count()} GPUs on"
            f" {socket.gethostname()}; start one process for each GPU (--nproc_per_node)"
        )
    return device


def end_process() -> None:
    """Leave the process group, if there is one."""
    if dist.is_initialized():
        dist.destroy_process_group()


def barrier() -> None:
    """Wait until every process has come here."""
    if dist.is_initialized():
        dist.barrier()


def place() -> tuple[int, int]:
    """Return the rank of this process and the number of processes."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)


def gather(content: Any) -> list[Any]:
    """Return the contents given by all processes, in order of rank, to every process."""
    if not dist.is_initialized():
        return [content]
    gathered: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(gathered, content)
    return gathered


def mean_count(count: Tensor) -> Tensor:
    """Return the mean of a count over all processes, 0-d float32; the sum counts as at least 1.

    Gradients are averaged over processes. So a sum of losses divided by this makes the average the
    mean over the terms of all processes, as one process would have it.

    Args:
        count: number of terms in the loss of this process, 0-d, on the device
    """
    total = count.detach().float().clone()
    processes = 1
    if dist.is_initialized():
        dist.all_reduce(total)
        processes = dist.get_world_size()
    return total.clamp(min=1) / processes


def relative_size(count: Tensor) -> Tensor:
    """Return a count divided by its mean over all processes, 0-d float32.

    It is the factor for losses that are means over unequal numbers of terms; see `mean_count`.

    Args:
        count: number of terms in the loss of this process, 0-d, on the device
    """
    return count.detach().float() / mean_count(count)


def mean(values: Mapping[str, float]) -> dict[str, float]:
    """Return the means of numbers over all processes, which give the same names."""
    if not dist.is_initialized():
        return dict(values)
    names = sorted(values)
    total = torch.tensor([values[name] for name in names], dtype=torch.float64)  # CPU, for gloo
    dist.all_reduce(total)
    means = dict(zip(names, (total / dist.get_world_size()).tolist(), strict=True))
    return {name: means[name] for name in values}


@contextlib.contextmanager
def failing_together() -> Iterator[None]:
    """Let an `InputError` of one process end all, which would wait for that process otherwise."""
    failure = None
    try:
        yield
    except InputError as error:
        failure = error
    if any(gather(failure is not None)):
        raise failure or InputError("stopped, since another process has failed")


def largest_number(number: int) -> int:
    """Return the largest of the numbers of all processes, without waiting for a GPU."""
    if not dist.is_initialized():
        return number
    numbers = torch.tensor(number)  # on the CPU, where gloo exchanges it
    dist.all_reduce(numbers, dist.ReduceOp.MAX)
    return int(numbers)


def largest(value: Tensor) -> Tensor:
    """Return the largest of the 0-d tensors of all processes, on the same device."""
    if dist.is_initialized():
        dist.all_reduce(value, dist.ReduceOp.MAX)
    return value
