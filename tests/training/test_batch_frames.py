"""Runs whose batches are limited in frames."""

import logging

import pytest
import torch
from training.runs import run_finetune, stopped_before

from asda.checkpoint import tensor_files
from asda.tasks.classification import ClassificationTask

OPTIONS = {
    "data__batch_frames": 100,
    "data__max_frames": 48,
    "augment__speed": [0.9, 1.0, 1.1],
    "augment__time_mask": 0.2,
    "augment__time_masks": 2,
}


def test_a_stopped_run_goes_on_bit_for_bit(data, tmp_path, monkeypatch):
    whole = run_finetune(data, tmp_path / "whole", **OPTIONS)

    def stop(task, update):
        if update == 6:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ClassificationTask, "before_update", stop)
        with pytest.raises(KeyboardInterrupt):
            run_finetune(data, tmp_path / "stopped", **OPTIONS)
    stopped = tensor_files.load(tmp_path / "stopped/checkpoint.pt")["state"]
    assert 0 < stopped["update"] < 8
    assert stopped["batch_measure"] == 100
    resumed = run_finetune(data, tmp_path / "stopped", **OPTIONS)
    for name, tensor in whole["weights"].items():
        assert torch.equal(tensor, resumed["weights"][name])


def test_the_padding_of_batches_is_logged_once(data, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        run_finetune(data, tmp_path / "run", **OPTIONS)
    lines = [line for line in caplog.messages if "padding makes up" in line]
    assert len(lines) == 1
    assert lines[0].startswith(f"{data / 'train'}: padding makes up ")
    assert float(lines[0].split(" %")[0].split()[-1]) < 25


def test_smaller_batches_with_as_many_frames_per_update_go_on(data, tmp_path, caplog):
    with stopped_before(3):
        run_finetune(data, tmp_path / "run", **OPTIONS)
    halves = OPTIONS | {"data__batch_frames": 50, "training__accumulation": 2}
    with caplog.at_level(logging.WARNING):
        run_finetune(data, tmp_path / "run", **halves)
    assert any("with as many frames per update" in line for line in caplog.messages)
