"""Odd but plausible settings: each works with a warning, or ends in one line."""

import shutil

import pytest
from training.runs import run_finetune, run_pretrain

from asda.configuration import build
from asda.corpus.datadir import DataDir
from asda.files import InputError
from asda.training.run_config import PretrainConfig
from asda.training.setting_warnings import setting_warnings


def config(**sections):
    return build(PretrainConfig, {"train": "data", "exp": "exp", **sections}, "c.yaml")


def warnings(**sections):
    quiet = {"optimizer": {"warmup": 0}, "data": {"batch_size": 1, "workers": 0}}
    return setting_warnings(config(**quiet | sections), 10, 1, "cpu")


def test_more_workers_than_cores_are_warned_of(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0, 1})
    assert warnings(data={"batch_size": 1, "workers": 2}) == []
    (line,) = warnings(data={"batch_size": 1, "workers": 3})
    assert line.startswith("data.workers 3 is more than the 2 CPU cores of this process")


def test_a_patch_longer_than_any_clip_is_warned_of():
    assert warnings(model={"patch": {"time": 1024}}) == []
    (line,) = warnings(model={"patch": {"time": 1025}})
    assert line.startswith("model.patch.time 1025 is more than data.max_frames 1024: each clip")


def test_a_seed_that_pytorch_does_not_take_is_refused():
    config(training={"seed": 2**63 - 1})
    with pytest.raises(InputError, match=r"training\.seed must be at most 9223372036854775807"):
        config(training={"seed": 2**63})


@pytest.mark.usefixtures("no_images")
@pytest.mark.parametrize("run", [run_pretrain, run_finetune])
def test_an_empty_set_is_named(data, tmp_path, run):
    (tmp_path / "empty").mkdir()
    for name in ("utt2spk", "feats.scp", "utt2num_frames", "utt2label"):
        (tmp_path / "empty" / name).touch()
    shutil.copy(data / "train/labels.txt", tmp_path / "empty")
    for use in ({"valid": tmp_path / "empty"}, {"train": str(tmp_path / "empty")}):
        with pytest.raises(InputError, match=r"empty/utt2spk: empty; it must list at least one"):
            run(data, tmp_path / "run", **use)
    assert DataDir(tmp_path / "empty").utterances == []


@pytest.mark.usefixtures("no_images")
def test_the_folder_of_another_command_is_called_that(data, tmp_path):
    run_pretrain(data, tmp_path / "run", training__updates=1)
    with pytest.raises(InputError, match=r"run holds a run of another command of asda; choose"):
        run_finetune(data, tmp_path / "run", training__updates=1)
