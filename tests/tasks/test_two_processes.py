"""Pretraining, fine-tuning and scoring by two processes of torchrun, against one process."""

import contextlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from dataset.directories import two_sounds, with_features
from training.runs import column, run_finetune, run_pretrain, write_config

from asda.checkpoint.load import read_model
from asda.cli import main
from asda.corpus.datadir import write_table
from asda.scoring.compare import read_result
from asda.scoring.predictions import ScoredClips

pytestmark = pytest.mark.slow

COMMANDS = Path(__file__).parent / "commands.py"
# An update is the same clips either way; without noise, and with a large eps, it is the same step.
ALIKE = {"optimizer__eps": 1e-3, "training__updates": 6, "training__evaluate_every": 3}
ALIKE |= {"data__max_frames": 600}
PRETRAIN = ALIKE | {"model__decoder__mask_noise": 0.0}
FINETUNE = ALIKE | {"classifier__drop_path": 0.0}
PER_LABEL = FINETUNE | {"classifier__loss": "bce", "classifier__loss_reduction": "labels"}
TASKS = {  # experiment -> command and settings
    "pretrain": ("pretrain", PRETRAIN),
    "finetune": ("finetune", FINETUNE),
    "per_label": ("finetune", PER_LABEL),
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder with `one` and `two`: what one process and what two have made."""
    root = tmp_path_factory.mktemp("runs")
    for name in ("train", "uneven/train"):
        with_features(root / name, two_sounds(16, seed=0))
    # Batches have different numbers of labels, and clips without one count as well.
    kinds = ["a", "a b", "", "b", "a b", "a b"]
    uneven = {f"utt{row:03d}": kinds[row % len(kinds)] for row in range(16)}
    write_table(root / "uneven/train/utt2label", uneven)
    # One clip is longer than any that was trained on, and only one of the processes meets it.
    with_features(root / "valid", two_sounds(9, seed=1, frames=(*[32] * 8, 560)))
    words = []
    for name, (command, options) in TASKS.items():
        data = data_of(root, name)
        config = write_config(data, root / f"two_{name}", valid=root / "valid", **options)
        words.append([command, "--config", str(config)])
    words.append(score_words(root, "two"))
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    done = subprocess.run(
        [*launcher, "--nproc_per_node=2", COMMANDS, json.dumps(words), *free_ports(len(words) - 1)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("asda.training.progress.draw_curves", lambda history, folder: None)
        options = {"valid": root / "valid", "data__batch_size": 8}
        for name, (command, settings) in TASKS.items():
            run = {"pretrain": run_pretrain, "finetune": run_finetune}[command]
            run(data_of(root, name), root / f"one_{name}", **settings, **options)
    main(score_words(root, "one"))
    return root


def data_of(root, name):
    return root / "uneven" if name == "per_label" else root


def free_ports(count):
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in found:
            one.bind(("127.0.0.1", 0))
        return [str(one.getsockname()[1]) for one in found]


def score_words(root, name):
    words = ["--model", root / f"{name}_finetune/model.pt", "--data", root / "valid"]
    return ["score", *map(str, words), "--out", str(root / name), "--device", "cpu"]


@pytest.mark.parametrize("task", TASKS)
def test_two_processes_train_the_weights_of_one(runs, task):
    one, two = (read_model(runs / f"{name}_{task}/model.pt").weights for name in ("one", "two"))
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("task", TASKS)
def test_two_processes_report_the_validation_of_one(runs, task):
    one, two = (column(runs / f"{name}_{task}", "valid/loss") for name in ("one", "two"))
    assert len(one) == 2
    assert two == pytest.approx(one, rel=1e-4)


@pytest.mark.parametrize("task", TASKS)
def test_two_processes_report_the_training_loss_of_one(runs, task):
    """Their mean, and not that of the clips of the first process."""
    one, two = (column(runs / f"{name}_{task}", "train/loss") for name in ("one", "two"))
    assert len(one) == 6
    assert two == pytest.approx(one, rel=1e-4)


def test_two_processes_score_every_clip_once(runs):
    one, two = (ScoredClips.load(runs / name) for name in ("one", "two"))
    assert list(two.utterances) == list(one.utterances)
    assert len(two.utterances) == 9
    np.testing.assert_allclose(two.scores, one.scores, atol=1e-3)
    np.testing.assert_array_equal(two.targets, one.targets)
    assert read_result(runs / "two")["clips"] == {"found": 9, "expected": 9}
