"""Faults of the machine and of the data, each held while a command runs."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from commands import Command, kill, start

OWN_NAMESPACE = "ASDA_FAULTS_NAMESPACE"  # is set where mounts are seen by nobody else
DISK = 64 << 20  # bytes of a small disk, which has room for what any of the commands makes
HANDLES = 64
MEMORY = 3500 << 20  # bytes of address space, of which the libraries alone take 3.1 GiB
KILLED_AFTER = 5.0  # seconds, in which some of the work is done
FUTURE = 86400.0  # seconds by which a clock is set back
ALL = ("dump", "pretrain", "finetune", "score", "tag", "export")
TRAINING = ("pretrain", "finetune")


@dataclass
class Machine:
    """The folder in which faults are tried: `made` has all inputs, commands write to `place`."""

    work: Path

    @property
    def place(self) -> Path:
        return self.work / "place"


Holder = Callable[[Machine, Command, Command], AbstractContextManager[Command]]


@dataclass
class Fault:
    """A fault that is held while a command runs.

    Args:
        held: context manager of machine, command and undisturbed command; yields the command to run
        told: one of these must be in the last line of a command that fails
        commands: those that it concerns
        needs: what it needs: "mounts", "no GPU", or nothing
        name: what it is called in the table
    """

    held: Holder
    told: Sequence[str]
    commands: Sequence[str] = ALL
    needs: str = ""
    name: str = ""

    def impossible(self) -> str:
        """Return why it cannot be tried on this machine, "" if it can."""
        if self.needs == "mounts" and OWN_NAMESPACE not in os.environ:
            return "only root may mount"
        if self.needs == "no GPU" and torch.cuda.is_available():
            return "there is a GPU"
        return ""


def mount(*words: object) -> None:
    subprocess.run(["mount", *map(str, words)], check=True)


@contextmanager
def mounted(path: Path, *words: object) -> Iterator[None]:
    """Have a mount at a folder within the block."""
    mount(*words, path)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


def size_of(path: Path) -> int:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


def filled(share: float) -> Holder:
    """Return a disk with room for a share of what a command makes.

    What the command has written until it failed is on the ordinary disk afterwards.
    """

    @contextmanager
    def held(machine: Machine, command: Command, made: Command) -> Iterator[Command]:
        place = machine.place
        with mounted(place, "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs"):
            room = int(share * size_of(made.out)) // 4096 * 4096
            with open(place / "filler", "wb") as stream:
                os.posix_fallocate(stream.fileno(), 0, os.statvfs(place).f_bavail * 4096 - room)
            yield command
            (place / "filler").unlink()
            kept = machine.work / "kept"
            subprocess.run(["cp", "-a", f"{place}/.", kept], check=True)
        subprocess.run(["cp", "-a", f"{kept}/.", place], check=True)
        subprocess.run(["rm", "-r", kept], check=True)

    return held


@contextmanager
def read_only(machine: Machine, command: Command, made: Command) -> Iterator[Command]:
    place = machine.place
    with mounted(place, "--bind", place):
        mount("-o", "remount,ro,bind", place)
        yield command


def with_words(*words: object, before: Sequence[object] = ()) -> Holder:
    """Return a holder that puts words behind a command, and others before it."""

    @contextmanager
    def held(machine: Machine, command: Command, made: Command) -> Iterator[Command]:
        yield replace(command, words=[*before, *command.words, *words])

    return held


@contextmanager
def no_gpu(machine: Machine, command: Command, made: Command) -> Iterator[Command]:
    option = "--training.device" if command.name in TRAINING else "--device"
    yield replace(command, words=[*command.words, option, "cuda"])


@contextmanager
def small_shm(machine: Machine, command: Command, made: Command) -> Iterator[Command]:
    with mounted(Path("/dev/shm"), "-t", "tmpfs", "-o", "size=64k", "tmpfs"):
        yield replace(command, words=[*command.words, "--data.workers", 2])


@contextmanager
def clock_set_back(machine: Machine, command: Command, made: Command) -> Iterator[Command]:
    """Let all files be of the future, also those of a call that was killed."""
    kill(command, KILLED_AFTER)
    future = time.time() + FUTURE
    for folder in (machine.work / "data", machine.work / "made", machine.place):
        for path in folder.rglob("*"):
            os.utime(path, (future, future), follow_symlinks=False)
    yield command


@contextmanager
def inputs_gone(machine: Machine, command: Command, made: Command) -> Iterator[Command]:
    """Take away what a command reads: sounds, archives of the dump, or the model."""
    made_in = machine.work / "made"
    path = {
        "dump": machine.work / "sounds",
        "tag": machine.work / "sounds",
        "export": made_in / "finetune/model.pt",
    }.get(command.name, made_in / "dump/archives")
    away = path.with_name(f"{path.name}.away")
    path.rename(away)
    try:
        yield command
    finally:
        away.rename(path)


@contextmanager
def two_at_once(machine: Machine, command: Command, made: Command) -> Iterator[Command]:
    """Run the same command at the same time, which is waited for."""
    with start(command) as other:
        yield command
        other.communicate()


FAULTS = {
    "full disk": Fault(filled(0.0), ["No space left", "the disk is too small"], needs="mounts"),
    "disk that fills": Fault(
        filled(0.5), ["No space left", "the disk is too small"], needs="mounts"
    ),
    "read-only folder": Fault(read_only, ["Read-only", "cannot write"], needs="mounts"),
    "no GPU": Fault(
        no_gpu, ["finds no GPU"], ("pretrain", "finetune", "score", "tag"), needs="no GPU"
    ),
    "small /dev/shm": Fault(small_shm, ["/dev/shm"], TRAINING, needs="mounts"),
    f"{HANDLES} file handles": Fault(
        with_words(before=["prlimit", f"--nofile={HANDLES}"]), ["Too many open files"]
    ),
    "little memory": Fault(with_words(before=["prlimit", f"--as={MEMORY}"]), ["too little memory"]),
    "clock set back": Fault(clock_set_back, []),
    "inputs deleted": Fault(
        inputs_gone, ["no such file", "No such file", "missing", "could not be used"]
    ),
    "two calls at once": Fault(two_at_once, ["another process", "another call"]),
}
