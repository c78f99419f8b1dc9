"""Whole runs on a GPU: pretraining to scores, resuming, checkpoints on another device, NCCL."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from training.runs import (
    assert_same_weights,
    column,
    history,
    run_finetune,
    run_pretrain,
    stopped_before,
    write_config,
)

from asda.cli import main
from asda.scoring.predictions import ScoredClips

pytestmark = [pytest.mark.gpu, pytest.mark.usefixtures("no_images")]

PRECISIONS = ["float32", "bf16", "fp16"]
# With a large eps, gradients that are 0 but for rounding make no difference between devices.
ALIKE = {"optimizer__eps": 1e-3}


def accuracy(model, directory, device, out):
    """Return that of a model on a data directory, as `asda score` finds it."""
    words = ["--model", model, "--data", directory, "--out", out, "--device", device]
    main(["score", *map(str, words)])
    scored = ScoredClips.load(out)
    return (scored.scores.argmax(1) == scored.targets.argmax(1)).mean()


def test_a_corpus_from_pretraining_to_scores(data, tmp_path, gpu):
    on_gpu = {"training__device": str(gpu), "training__precision": "auto", "data__workers": 1}
    run_pretrain(data, tmp_path / "pretrain", valid=data / "valid", **on_gpu)
    losses = column(tmp_path / "pretrain", "train/loss")
    assert len(losses) == 8 and np.isfinite(losses).all()
    options = {"init": tmp_path / "pretrain/model.pt", "valid": data / "valid"}
    options |= {"training__updates": 60, "training__evaluate_every": 30}
    run_finetune(data, tmp_path / "finetune", **options, **on_gpu)
    model = tmp_path / "finetune/model.pt"
    on_it, on_cpu = (
        accuracy(model, data / "valid", device, tmp_path / name)
        for name, device in (("score", gpu), ("on_cpu", "cpu"))
    )
    assert on_it == on_cpu > 0.9


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("run", [run_pretrain, run_finetune])
def test_a_resumed_run_is_bit_for_bit_that_without_interruption(
    data, tmp_path, gpu, run, precision
):
    options = {"training__device": str(gpu), "training__precision": precision}
    options |= {"training__deterministic": True}
    whole = run(data, tmp_path / "whole", **options)
    with stopped_before(5):
        run(data, tmp_path / "stopped", **options)
    resumed = run(data, tmp_path / "stopped", **options)
    assert history(tmp_path / "stopped") == history(tmp_path / "whole")
    assert_same_weights(resumed, whole)


@pytest.mark.parametrize("order", [("gpu", "cpu"), ("cpu", "gpu")], ids="{0[0]} first".format)
def test_a_checkpoint_is_resumed_on_another_device(data, tmp_path, gpu, order):
    devices = {"cpu": "cpu", "gpu": str(gpu)}
    options = ALIKE | {"model__decoder__mask_noise": 0.0}  # each device draws noise of its own
    whole = run_pretrain(data, tmp_path / "whole", **options)
    with stopped_before(5):
        run_pretrain(data, tmp_path / "run", training__device=devices[order[0]], **options)
    resumed = run_pretrain(data, tmp_path / "run", training__device=devices[order[1]], **options)
    for name, tensor in whole["weights"].items():
        torch.testing.assert_close(resumed["weights"][name], tensor, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(
        column(tmp_path / "run", "train/loss"), column(tmp_path / "whole", "train/loss"), rtol=1e-3
    )


def test_a_process_group_of_one(data, tmp_path, gpu):
    """NCCL on a GPU, gloo on a CPU; gradients and sums of one process are those without a group."""
    options = ALIKE | {"training__device": str(gpu), "valid": data / "valid"}
    alone = run_pretrain(data, tmp_path / "alone", **options)
    config = write_config(data, tmp_path / "launched", **options)
    launcher = ["torch.distributed.run", "--standalone", "--nproc_per_node=1"]
    done = subprocess.run(
        [sys.executable, "-m", *launcher, "-m", "asda", "pretrain", "--config", config],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    launched = torch.load(tmp_path / "launched/model.pt", map_location="cpu", weights_only=True)
    for name, tensor in alone["weights"].items():
        torch.testing.assert_close(launched["weights"][name], tensor, rtol=1e-3, atol=1e-5)
