"""Pretraining on several corpora: shares, numbers of each, validation, resuming, refusals."""

import shutil
import subprocess
import sys

import pytest
import torch
import yaml
from dataset.directories import random_features, two_sounds, with_features
from training.runs import (
    DATA,
    MODEL,
    OPTIMIZER,
    TRAINING,
    asda,
    assert_same_weights,
    column,
    history,
    run_pretrain,
    stopped_before,
)

from asda.checkpoint import tensor_files
from asda.checkpoint.load import read_model
from asda.cli import main
from asda.configuration import build, to_dict
from asda.dataset.clips import open_clips
from asda.dataset.data_config import DataConfig
from asda.dataset.feature_sources import FeatureInput
from asda.features.fbank_config import FbankConfig
from asda.files import InputError
from asda.tasks.pretraining import PretrainTask
from asda.training.run_config import PretrainConfig
from asda.training.run_log import read_history

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_images")]
STILL = {"lr": 1e-30, "warmup": 0}
STILL_TEACHER = {"decay": 1.0, "end_decay": 1.0}


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Folders of two corpora of different lengths and levels, with validation sets."""
    root = tmp_path_factory.mktemp("data")
    with_features(root / "long", two_sounds(12, seed=0, frames=(40, 36)))
    with_features(root / "long_valid", two_sounds(5, seed=1, frames=(40, 36)))
    quiet = {name: matrix - 5 for name, matrix in random_features([20, 24, 24] * 2).items()}
    with_features(root / "short", quiet)
    with_features(root / "short_valid", random_features([20, 24] * 2, seed=4))
    return root


def settings(corpora, exp, **sections):
    named = {
        name: {"train": str(corpora / name), "valid": str(corpora / f"{name}_valid"), "share": s}
        for name, s in (("long", 2), ("short", 1))
    }
    content = {"exp": str(exp), "corpora": named, "model": MODEL, "data": DATA}
    content |= {"training": TRAINING, "optimizer": OPTIMIZER}
    for name, section in sections.items():
        content[name] = content.get(name, {}) | section if isinstance(section, dict) else section
    return content


def run(corpora, exp, **sections):
    PretrainTask.run(build(PretrainConfig, settings(corpora, exp, **sections), "here"))
    return tensor_files.load(exp / "model.pt")


def normalization(folder):
    return vars(open_clips(folder, FeatureInput(), DataConfig()).normalization)


@pytest.fixture(scope="module")
def whole(corpora, tmp_path_factory):
    """The folder of a run that was never stopped."""
    exp = tmp_path_factory.mktemp("exp") / "whole"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("asda.training.progress.draw_curves", lambda history, folder: None)
        run(corpora, exp)
    return exp


def test_the_model_file_records_each_corpus(corpora, whole):
    saved = read_model(whole / "model.pt")
    facts = saved.facts["corpora"]
    assert {name: facts[name]["share"] for name in facts} == {"long": 2 / 3, "short": 1 / 3}
    assert [facts[name]["clips"] for name in ("long", "short")] == [12, 6]
    for name in facts:
        found = {key: facts[name][key] for key in ("mean", "std")}
        assert found == normalization(corpora / name)
    assert facts["long"]["mean"] - facts["short"]["mean"] > 3
    assert saved.facts["clips"] == 18
    assert saved.normalization == normalization(corpora / "long")  # that of the first


def test_a_model_is_described_with_its_corpora(whole, capsys):
    main(["info", str(whole / "model.pt")])
    line = next(line for line in capsys.readouterr().out.splitlines() if "corpora" in line)
    assert "long 0.667 of the batches, 12 clips, mean -4.4" in line
    assert "; short 0.333 of the batches, 6 clips, mean " in line


def test_clips_and_losses_of_each_corpus_are_reported(whole):
    """The shares are 2 : 1, and a batch has four clips."""
    rows = [row for row in history(whole) if "train/loss" in row]
    clips = [(row["train/clips_long"], row["train/clips_short"]) for row in rows]
    assert clips == [(4, 0), (4, 4), (8, 4), (12, 4), (12, 8), (16, 8), (20, 8), (20, 12)]
    for number, row in enumerate(rows):
        mine, other = ("short", "long") if number % 3 == 1 else ("long", "short")
        assert row[f"train/loss_{mine}"] == row["train/loss"]
        assert f"train/loss_{other}" not in row
    assert not any("had_" in key for row in rows for key in row)
    logged = [row for row in read_history(whole) if "train/loss" in row]
    assert [row["train/clips_short"] for row in logged] == [second for _, second in clips]


def test_the_mean_of_an_interval_is_over_the_batches_of_the_corpus(corpora, whole, tmp_path):
    run(corpora, tmp_path / "run", training={"log_every": 4})
    rows = [row for row in history(whole) if "train/loss" in row][:4]
    [first, _] = [row for row in history(tmp_path / "run") if "train/loss" in row]
    for name, count in (("long", 3), ("short", 1)):
        losses = [row[f"train/loss_{name}"] for row in rows if f"train/loss_{name}" in row]
        assert len(losses) == count
        assert first[f"train/loss_{name}"] == pytest.approx(sum(losses) / count, rel=1e-6)


def test_losses_are_those_of_each_corpus_alone(corpora, tmp_path):
    """Without learning, and with the noise of the decoder left out."""
    options = {"optimizer": STILL, "teacher": STILL_TEACHER}
    model = {"model": MODEL | {"decoder": MODEL["decoder"] | {"mask_noise": 0.0}}}
    run(corpora, tmp_path / "joint", **options, **model)
    for name, updates in (("long", 5), ("short", 3)):
        exp = tmp_path / name
        alone = settings(corpora, exp, **options, **model)
        alone |= {"train": str(corpora / name), "valid": str(corpora / f"{name}_valid")}
        alone["training"] = alone["training"] | {"updates": updates, "evaluate_every": updates}
        del alone["corpora"]
        PretrainTask.run(build(PretrainConfig, alone, "here"))
        losses = column(tmp_path / "joint", f"train/loss_{name}")
        assert losses == column(exp, "train/loss")
        assert len(losses) == updates
        assert column(tmp_path / "joint", f"valid/loss_{name}")[0] == column(exp, "valid/loss")[0]


def test_validation_is_the_mean_by_share(whole):
    rows = [row for row in history(whole) if "valid/loss" in row]
    assert len(rows) == 2
    for row in rows:
        expected = (2 * row["valid/loss_long"] + row["valid/loss_short"]) / 3
        assert row["valid/loss"] == pytest.approx(expected)
        assert row["valid/loss_long"] != pytest.approx(row["valid/loss_short"], rel=1e-3)
        assert row["valid/loss"] == pytest.approx(row["valid/frame_loss"] + row["valid/cls_loss"])


@pytest.mark.parametrize("stop", [1, 5])
def test_a_stopped_run_goes_on_bit_for_bit(corpora, whole, tmp_path, stop):
    exp = tmp_path / "stopped"
    with stopped_before(stop):
        run(corpora, exp)
    again = run(corpora, exp)
    assert history(exp) == history(whole)
    assert_same_weights(again, read_model(whole / "model.pt").content())


def test_workers_bring_the_same_batches(corpora, whole, tmp_path):
    run(corpora, tmp_path / "run", data={"workers": 2})
    assert history(tmp_path / "run") == history(whole)


def test_one_named_corpus_is_trained_as_ever(corpora, tmp_path):
    content = settings(corpora, tmp_path / "named")
    del content["corpora"]["short"]
    PretrainTask.run(build(PretrainConfig, content, "here"))
    alone = content | {"train": str(corpora / "long"), "valid": str(corpora / "long_valid")}
    alone |= {"exp": str(tmp_path / "alone")}
    del alone["corpora"]
    PretrainTask.run(build(PretrainConfig, alone, "here"))
    named = tensor_files.load(tmp_path / "named/model.pt")
    assert_same_weights(named, tensor_files.load(tmp_path / "alone/model.pt"))


@pytest.mark.parametrize("processes", [2, 3])
def test_several_processes_train_the_weights_of_one(corpora, tmp_path, processes):
    """An update is the same clips either way; a large eps makes it the same step."""
    alike = {"model": MODEL | {"decoder": MODEL["decoder"] | {"mask_noise": 0.0}}}
    alike |= {"optimizer": {"eps": 1e-3}, "data": {"batch_size": 6}}
    run(corpora, tmp_path / "one", **alike)
    exp = tmp_path / "several"
    content = settings(corpora, exp, **alike | {"data": {"batch_size": 6 // processes}})
    (tmp_path / "several.yaml").write_text(yaml.safe_dump(content))
    with asda("pretrain", "--config", tmp_path / "several.yaml", processes=processes) as started:
        _, errors = started.communicate(timeout=180)
    assert (exp / "model.pt").exists(), errors  # torch aborts now and then after all is done
    for name in ("clips_long", "clips_short"):
        one, several = (column(tmp_path / n, f"train/{name}") for n in ("one", "several"))
        assert one == several
    for name in ("loss", "loss_long", "loss_short"):
        one, several = (column(tmp_path / n, f"valid/{name}") for n in ("one", "several"))
        assert several == pytest.approx(one, rel=1e-4)
    weights = read_model(exp / "model.pt").weights
    for name, tensor in read_model(tmp_path / "one/model.pt").weights.items():
        torch.testing.assert_close(weights[name], tensor, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["long", "short"])
def test_changed_data_of_any_corpus_is_refused(corpora, tmp_path, name):
    shutil.copytree(corpora, tmp_path / "data")
    exp = tmp_path / "run"
    with stopped_before(3):
        run(tmp_path / "data", exp)
    moments = tmp_path / f"data/{name}/utt2moments"
    total = moments.read_text().split()[2]
    moments.write_text(moments.read_text().replace(total, str(float(total) + 1), 1))
    with pytest.raises(InputError, match=rf"other data \(features of {name}/train changed since"):
        run(tmp_path / "data", exp)


def test_a_corpus_may_move_if_that_is_asked_for(corpora, whole, tmp_path):
    shutil.copytree(corpora, tmp_path / "moved")
    exp = tmp_path / "run"
    with stopped_before(3):
        run(corpora, exp)
    with pytest.raises(
        InputError, match=r"corpora\.long\.train: .* add --training\.accept_changes"
    ):
        run(tmp_path / "moved", exp)
    again = run(tmp_path / "moved", exp, training={"accept_changes": True})
    assert_same_weights(again, read_model(whole / "model.pt").content())


def test_other_shares_are_another_run(corpora, tmp_path):
    exp = tmp_path / "run"
    with stopped_before(3):
        run(corpora, exp)
    content = settings(corpora, exp)
    content["corpora"]["short"]["share"] = 2
    with pytest.raises(
        InputError, match=r"\(corpora\.short\.share: 1\.0 -> 2\.0\): choose another"
    ):
        PretrainTask.run(build(PretrainConfig, content, "here"))


def test_other_mel_bins_are_refused_in_one_line(corpora, tmp_path):
    shutil.copytree(corpora, tmp_path / "data")
    shutil.rmtree(tmp_path / "data/short")
    narrow = {name: matrix[:, :12] for name, matrix in random_features([20] * 4).items()}
    with_features(tmp_path / "data/short", narrow)
    with pytest.raises(InputError, match=r"^corpora: long has 16, short has 12 mel bins; compute"):
        run(tmp_path / "data", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_other_frame_rates_are_refused_in_one_line(corpora, tmp_path):
    shutil.copytree(corpora, tmp_path / "data")
    for name, shift in (("long", 10.0), ("short", 20.0)):
        values = to_dict(FbankConfig(num_mel_bins=16)) | {"frame_shift_ms": shift}
        (tmp_path / f"data/{name}/fbank.yaml").write_text(yaml.safe_dump(values))
    reason = (
        r"^corpora\.short: features differ from those of long \(frame_shift_ms: 10\.0 -> 20\.0\)"
    )
    with pytest.raises(InputError, match=reason):
        run(tmp_path / "data", tmp_path / "run")


def test_the_command_takes_corpora_as_options(corpora, tmp_path):
    """As run.sh gives them."""
    content = settings(corpora, tmp_path / "run", training={"updates": 1})
    named = content.pop("corpora")
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(content))
    words = [f"--corpora.{n}.{key}={v}" for n, c in named.items() for key, v in c.items()]
    command = [sys.executable, "-m", "asda", "pretrain", "--config", tmp_path / "run.yaml", *words]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert list(read_model(tmp_path / "run/model.pt").facts["corpora"]) == ["long", "short"]
    again = subprocess.run([tmp_path / "run/run.sh"], capture_output=True, text=True)
    assert "is complete" in again.stderr


def test_a_run_without_corpora_has_none_of_their_numbers(data, tmp_path):
    run_pretrain(data, tmp_path / "run", training__updates=1)
    assert set(history(tmp_path / "run")[0]) == {
        "update",
        *(f"train/{name}" for name in ("frame_loss", "cls_loss", "prediction_std", "target_std")),
        *(f"train/{name}" for name in ("loss", "grad_norm", "learning_rate")),
    }
