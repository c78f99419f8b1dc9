"""Small runs of pretraining and fine-tuning for tests."""

from __future__ import annotations

import contextlib
import copy
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import yaml

from asda.checkpoint import tensor_files
from asda.configuration import load
from asda.tasks.classification import ClassificationTask
from asda.tasks.pretraining import PretrainTask
from asda.training.run_config import FinetuneConfig, PretrainConfig
from asda.training.task import Task

MODEL = {
    "size": "tiny",
    "mel_bins": 16,
    "depth": 2,
    "width": 16,
    "heads": 2,
    "num_masks": 2,
    "patch": {"time": 8, "freq": 8},
    "mask": {"ratio": 0.5, "block_time": 2, "block_freq": 2},
    "decoder": {"layers": 1, "groups": 4},
}
DATA = {"batch_size": 4, "workers": 0, "max_frames": 40}
OPTIMIZER = {"lr": 0.005, "warmup": 2}
TRAINING = {
    "updates": 8,
    "device": "cpu",
    "threads": 1,
    "log_every": 1,
    "evaluate_every": 4,
    "save_every": 2,
}


def settings(data: Path, exp: Path, **options) -> dict:
    """Return the content of a configuration; `training__seed=2` sets a key below another."""
    content = {"train": str(data / "train"), "exp": str(exp)}
    content |= {"model": MODEL, "data": DATA, "training": TRAINING, "optimizer": OPTIMIZER}
    content = copy.deepcopy(content)
    for key, value in options.items():
        *above, name = key.split("__")
        place = content
        for part in above:
            place = place.setdefault(part, {})
        place[name] = str(value) if isinstance(value, Path) else value
    return content


def write_config(data: Path, exp: Path, **options) -> Path:
    """Write the configuration of a run beside its folder."""
    exp.parent.mkdir(exist_ok=True)
    path = exp.parent / f"{exp.name}.yaml"
    path.write_text(yaml.safe_dump(settings(data, exp, **options)), encoding="utf-8")
    return path


def run_pretrain(data: Path, exp: Path, **options) -> dict:
    """Pretrain in this process and return the content of model.pt."""
    PretrainTask.run(load(PretrainConfig, write_config(data, exp, **options)))
    return tensor_files.load(exp / "model.pt")


def run_finetune(data: Path, exp: Path, **options) -> dict:
    """Fine-tune in this process and return the content of model.pt."""
    ClassificationTask.run(load(FinetuneConfig, write_config(data, exp, **options)))
    return tensor_files.load(exp / "model.pt")


@contextlib.contextmanager
def stopped_before(update: int) -> Iterator[None]:
    """Stop runs inside the block before their update of this number, as Ctrl-C does."""

    def stopping(before_update):
        def stop(task, at):
            if at == update:
                raise KeyboardInterrupt
            return before_update(task, at)

        return stop

    with pytest.MonkeyPatch.context() as patch:
        for task in (Task, PretrainTask):
            patch.setattr(task, "before_update", stopping(task.before_update))
        with pytest.raises(KeyboardInterrupt):
            yield


def wait_for(exp: Path, line: str) -> None:
    """Wait until the log of a run has a line."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if (exp / "train.log").exists() and line in (exp / "train.log").read_text():
            return
        time.sleep(0.01)
    raise AssertionError(f"no line '{line}' in {exp}/train.log")


def history(exp: Path) -> list[dict[str, float]]:
    """Return the rows of numbers that a run has reported."""
    return tensor_files.load(exp / "checkpoint.pt")["state"]["history"]


def column(exp: Path, name: str) -> list[float]:
    """Return the values of one reported quantity, such as "train/loss"."""
    return [row[name] for row in history(exp) if name in row]


def assert_same_weights(first: dict, second: dict) -> None:
    """Check that two models hold the same weights bit for bit."""
    assert first["weights"].keys() == second["weights"].keys()
    for name, tensor in first["weights"].items():
        assert torch.equal(tensor, second["weights"][name]), name


def asda(*words: object, processes: int = 0) -> subprocess.Popen:
    """Start `asda` with these words, under torchrun if there are several processes."""
    module = ["-m", "asda", *map(str, words)]
    if processes:
        launcher = ["-m", "torch.distributed.run", "--standalone"]
        module = [*launcher, f"--nproc_per_node={processes}", *module]
    return subprocess.Popen(
        [sys.executable, *module],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )
