"""Experiment folders and configurations: what is refused, and that the message names the key."""

import contextlib
import os
import re
import shutil
import stat
import subprocess

import pytest
import yaml
from training.runs import (
    assert_same_weights,
    run_finetune,
    run_pretrain,
    settings,
    stopped_before,
    write_config,
)

from asda.cli import main
from asda.configuration import load, to_dict
from asda.files import InputError
from asda.training.run_config import FinetuneConfig, PretrainConfig

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_images")]


def error_of(capsys, *words):
    """Return the one line that a refused call prints."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as exit:
        main([str(word) for word in words])
    assert exit.value.code == 1
    found = capsys.readouterr()
    assert found.out == ""
    assert found.err.count("\n") == 1
    return found.err


@pytest.mark.parametrize("verb", ["pretrain", "finetune"])
@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("tranining", {"updates": 5}, "tranining"),
        ("training__update", 10, "update"),
        ("model__attention__king", "standard", "king"),
        ("training__updates", "many", "updates"),
        ("training__updates", 0, "training.updates must be at least 1, not 0"),
        ("training__precision", "fp8", "precision"),
        ("training__evaluate_every", -1, "training.evaluate_every must not be negative"),
        ("optimizer__lr", 0.0, "optimizer.lr must be above 0"),
        ("optimizer__lr", "1e-3 0", "lr"),
        ("optimizer__betas", [0.9], "betas"),
        ("optimizer__betas", [0.9, 1.5], "optimizer.betas must lie in 0..1, below 1"),
        ("training__seed", -1, "training.seed must not be negative"),
        ("training__threads", 100000, "training.threads 100000 is more than 1024"),
        ("data__workers", -1, "data.workers must not be negative"),
        ("model__decoder", {"layers": -3}, "model.decoder.layers must be at least 1, not -3"),
        ("model__mlp_ratio", -1.0, "model.mlp_ratio must be above 0, not -1"),
        ("data__batch_size", 2.5, "batch_size"),
        ("data__min_frames", 50, "data.min_frames 50 exceeds data.max_frames 40"),
        ("data__norm_mean", -4.0, "data.norm_mean and data.norm_std"),
        ("augment__time_mask", 1.5, "augment.time_mask must lie in 0..1"),
        ("model__heads", 3, "model.heads: 3 does not divide the width 16"),
        ("model__patch__freq", 24, "do not cover model.mel_bins 16"),
        ("model__size", "huge", "size"),
    ],
)
def test_a_wrong_configuration_is_refused_by_name(data, tmp_path, capsys, verb, key, value, named):
    config = write_config(data, tmp_path / "run", **{key: value})
    error = error_of(capsys, verb, "--config", config)
    assert named in error
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("verb", "key", "value", "named"),
    [
        ("pretrain", "teacher__decay", 1.5, "decay"),
        ("pretrain", "classifier__pooling", "cls", "classifier"),
        ("finetune", "classifier__pooling", "max", "pooling"),
        ("finetune", "classifier__label_smoothing", 1.0, "classifier.label_smoothing"),
        (
            "finetune",
            "classifier",
            {"label_smoothing": 0.1, "loss": "bce"},
            "label_smoothing is for",
        ),
        ("pretrain", "augment__mixup_alpha", 0.5, "augment.mixup_alpha is for fine-tuning"),
        ("finetune", "teacher__decay", 0.9, "teacher"),
    ],
)
def test_each_task_has_keys_of_its_own(data, tmp_path, capsys, verb, key, value, named):
    config = write_config(data, tmp_path / "run", **{key: value})
    assert named in error_of(capsys, verb, "--config", config)


@pytest.mark.parametrize("missing", ["train", "exp"])
def test_what_is_needed_is_named(data, tmp_path, capsys, missing):
    content = settings(data, tmp_path / "run")
    del content[missing]
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(content))
    assert missing in error_of(capsys, "pretrain", "--config", tmp_path / "run.yaml")


@pytest.mark.parametrize("device", ["bogus", "cuda"])
def test_a_device_that_is_not_there_is_named(data, tmp_path, capsys, monkeypatch, device):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    config = write_config(data, tmp_path / "run", training__device=device)
    assert device in error_of(capsys, "pretrain", "--config", config)


def test_a_folder_without_data_is_named(data, tmp_path, capsys):
    config = write_config(data, tmp_path / "run")
    error = error_of(capsys, "pretrain", "--config", config, "--train", tmp_path / "nowhere")
    assert f"{tmp_path}/nowhere: no such data directory" in error


def test_options_win_over_the_file_before_them(data, tmp_path):
    config = write_config(data, tmp_path / "run", training__updates=9)
    main(["pretrain", "--config", str(config), "--training.updates", "2", "--model.depth=1"])
    saved = load(PretrainConfig, tmp_path / "run/config.yaml")
    assert saved.training.updates == 2
    assert saved.model.depth == 1
    assert saved.optimizer.warmup == 2


@pytest.mark.parametrize(
    ("run", "config_class"), [(run_pretrain, PretrainConfig), (run_finetune, FinetuneConfig)]
)
def test_the_saved_configuration_is_whole(data, tmp_path, run, config_class):
    run(data, tmp_path / "run", training__updates=1)
    path = tmp_path / "run/config.yaml"
    saved = load(config_class, path)
    assert to_dict(saved) == yaml.safe_load(path.read_text())
    assert saved.model.decoder.width == 16
    assert saved.model.patch.time_stride == 8
    assert None not in to_dict(saved.model).values()


@pytest.mark.parametrize(
    ("key", "value", "change"),
    [
        ("optimizer__lr", 0.001, "optimizer.lr: 0.005 -> 0.001"),
        ("model__attention__kind", "standard", "attention.kind: differential -> standard"),
        ("training__precision", "bf16", "training.precision: float32 -> bf16"),
        ("valid", "elsewhere", "valid: None -> elsewhere"),
    ],
)
def test_a_changed_configuration_is_refused_by_name(data, tmp_path, capsys, key, value, change):
    exp = tmp_path / "run"
    with stopped_before(3):
        run_pretrain(data, exp)
    before = {path: path.read_bytes() for path in exp.iterdir() if path.is_file()}
    config = write_config(data, exp, **{key: value})
    error = error_of(capsys, "pretrain", "--config", config)
    assert f"{exp} holds a run with another configuration" in error
    assert change in error
    assert {path: path.read_bytes() for path in before} == before


def test_what_only_changes_the_speed_may_change(data, tmp_path):
    exp = tmp_path / "run"
    with stopped_before(3):
        run_pretrain(data, exp)
    model = run_pretrain(data, exp, training__log_every=3, data__workers=1)
    assert model["facts"]["updates"] == 8
    assert load(PretrainConfig, exp / "config.yaml").training.log_every == 3


def test_run_sh_repeats_the_run_from_where_it_was_started(data, tmp_path, monkeypatch):
    folder = tmp_path / "a recipe's folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    config = write_config(data, tmp_path / "run", training__updates=1)
    main(["pretrain", "--config", str(config), "--exp", "exp/tag a"])
    script = folder / "exp/tag a/run.sh"
    assert script.stat().st_mode & stat.S_IXUSR
    fake = tmp_path / "bin/asda"
    fake.parent.mkdir()
    fake.write_text('#!/bin/sh\npwd >> "$OUT"\nfor word; do echo "$word" >> "$OUT"; done\n')
    fake.chmod(0o755)
    monkeypatch.chdir("/")
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("OUT", str(tmp_path / "said"))
    copy = tmp_path / "a copy"
    shutil.copytree(script.parent, copy)
    for exp in (script.parent, copy):
        (tmp_path / "said").unlink(missing_ok=True)
        subprocess.run([exp / "run.sh", "--exp", "other"], check=True)
        assert (tmp_path / "said").read_text().splitlines() == [
            str(folder),
            "pretrain",
            *("--config", f"{exp}/config.yaml", "--exp", str(exp)),
            *("--exp", "other"),
        ]


def test_what_refuses_to_lengthen_a_completed_run_leaves_it_complete(data, tmp_path):
    shutil.copytree(data, tmp_path / "data")
    exp = tmp_path / "run"
    run_pretrain(tmp_path / "data", exp)
    before = {name: (exp / name).read_bytes() for name in ("model.pt", "config.yaml", "run.sh")}
    longer = {"training__updates": 12, "training__accept_changes": True}
    shutil.move(tmp_path / "data/train", tmp_path / "moved")
    with pytest.raises(InputError, match="no such data directory"):
        run_pretrain(tmp_path / "data", exp, **longer)
    shutil.move(tmp_path / "moved", tmp_path / "data/train")
    checkpoint = (exp / "checkpoint.pt").read_bytes()
    (exp / "checkpoint.pt").write_bytes(checkpoint[:-100])
    with pytest.raises(InputError, match=r"checkpoint\.pt: damaged.*; remove it to begin the run"):
        run_pretrain(tmp_path / "data", exp, **longer)
    assert {name: (exp / name).read_bytes() for name in before} == before
    (exp / "checkpoint.pt").write_bytes(checkpoint)
    assert run_pretrain(tmp_path / "data", exp, **longer)["facts"]["updates"] == 12
    assert (exp / "model_8.pt").read_bytes() == before["model.pt"]


def test_without_its_configuration_a_run_resumes_and_says_so(data, tmp_path, capsys):
    exp = tmp_path / "run"
    with stopped_before(3):
        run_pretrain(data, exp)
    (exp / "config.yaml").unlink()
    assert run_pretrain(data, exp)["facts"]["updates"] == 8
    said = capsys.readouterr().err
    assert f"no {exp}/config.yaml: settings are not compared with those of the run so far" in said
    assert "resuming after update 2" in said
    assert "from the beginning" not in said


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("config.yaml", r"config\.yaml: .*; restore this file, or remove it to resume without"),
        ("launch.yaml", r"launch\.yaml: missing fields processes, update_size"),
        ("inputs.yaml", None),
    ],
)
def test_an_emptied_record_of_a_run(data, tmp_path, name, message):
    exp = tmp_path / "run"
    with stopped_before(3):
        run_pretrain(data, exp)
    (exp / name).write_text("")
    with pytest.raises(InputError, match=message) if message else contextlib.nullcontext():
        run_pretrain(data, exp)
    (exp / name).unlink()
    assert run_pretrain(data, exp)["facts"]["updates"] == 8


@pytest.mark.parametrize("size", [0, -100])
def test_a_damaged_model_is_not_called_complete(data, tmp_path, size):
    exp = tmp_path / "run"
    whole = run_pretrain(data, exp)
    content = (exp / "model.pt").read_bytes()
    (exp / "model.pt").write_bytes(content[:size])
    with pytest.raises(InputError, match="damaged; remove it, and the same command makes it from"):
        run_pretrain(data, exp)
    (exp / "model.pt").unlink()
    assert_same_weights(whole, run_pretrain(data, exp))


def test_a_run_goes_on_by_another_name_of_its_folder(data, tmp_path):
    with stopped_before(3):
        run_pretrain(data, tmp_path / "run")
    (tmp_path / "alias").symlink_to(tmp_path / "run")
    assert run_pretrain(data, tmp_path / "alias")["facts"]["updates"] == 8


VIT = {"model__decoder": {"kind": "vit", "layers": 1}, "training__updates": 1}


def test_a_new_run_refuses_what_nothing_reads(data, tmp_path):
    options = {"model__attention": {"kind": "gated", "lambda_init": 0.2}}
    said = "model.attention.lambda_init 0.2 has no effect with model.attention.kind gated, only"
    with pytest.raises(InputError, match=re.escape(said)):
        run_pretrain(data, tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_the_command_of_a_run_does_not_state_what_nothing_reads(data, tmp_path):
    """The size gives a kernel, which a ViT decoder ignores; the run may be repeated elsewhere."""
    run_pretrain(data, tmp_path / "run", **VIT)
    saved = load(PretrainConfig, tmp_path / "run/config.yaml")
    assert saved.model.decoder.kernel is None
    assert saved.model.decoder.heads == 2
    main(["pretrain", "--config", f"{tmp_path}/run/config.yaml", "--exp", f"{tmp_path}/again"])
    assert (tmp_path / "again/config.yaml").read_text().replace("/again", "/run") == (
        tmp_path / "run/config.yaml"
    ).read_text()


def test_a_run_from_before_a_condition_goes_on_but_takes_no_new_value(data, tmp_path, capsys):
    """Its configuration holds a value that nothing reads, and that no user could give today."""
    run_pretrain(data, tmp_path / "run", **VIT)
    path = tmp_path / "run/config.yaml"
    path.write_text(path.read_text().replace("kernel: null", "kernel: 3"))
    command = ["pretrain", "--config", str(path), "--training.log_every", "2"]
    main(command)  # it is complete
    assert "kernel: null" in path.read_text()
    with pytest.raises(SystemExit):
        main([*command, "--model.decoder.kernel", "5"])
    assert "model.decoder.kernel 5 has no effect" in capsys.readouterr().err


def test_what_a_first_model_does_not_read_is_refused(data, tmp_path):
    run_pretrain(data, tmp_path / "run", **VIT)
    first = {"init": tmp_path / "run/model.pt", "training__updates": 1}
    run_pretrain(data, tmp_path / "passes", **first)
    with pytest.raises(
        InputError, match=r"mask_noise 0\.5 has no effect with model\.decoder\.kind"
    ):
        run_pretrain(data, tmp_path / "again", **first, model__decoder__mask_noise=0.5)
