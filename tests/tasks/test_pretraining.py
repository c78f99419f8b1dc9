"""Pretraining from a data directory to model.pt."""

import math
import shutil

import pytest
import torch
import yaml
from dataset.directories import random_features, two_sounds, with_features
from training.runs import (
    assert_same_weights,
    column,
    history,
    run_finetune,
    run_pretrain,
    stopped_before,
    write_config,
)

from asda.checkpoint import tensor_files
from asda.checkpoint.load import read_model
from asda.cli import main
from asda.configuration import to_dict
from asda.dataset.clips import open_clips
from asda.dataset.data_config import DataConfig
from asda.dataset.feature_sources import FeatureInput
from asda.features.fbank_config import FbankConfig
from asda.files import InputError

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_images")]
NO_NOISE = {"model__decoder__mask_noise": 0.0}


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """The folder of a run that was never stopped."""
    exp = tmp_path_factory.mktemp("exp") / "whole"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("asda.training.progress.draw_curves", lambda history, folder: None)
        run_pretrain(data, exp, valid=data / "valid")
    return exp


def test_a_finished_model_says_what_it_was_trained_on(data, whole):
    saved = read_model(whole / "model.pt")
    clips = open_clips(str(data / "train"), FeatureInput(), DataConfig())
    assert saved.kind == "pretrained"
    assert saved.normalization == vars(clips.normalization)
    assert saved.facts["train"] == str(data / "train")
    assert saved.facts["clips"] == 16
    assert saved.facts["updates"] == 8
    assert saved.facts["from_updates"] == [8]
    assert saved.data["max_frames"] == 40


def test_what_is_recomputed_changes_no_weight(data, whole, tmp_path, monkeypatch):
    monkeypatch.setattr("asda.kernels.recompute.SMALL", 0)  # as for a large model
    assert_same_weights(
        run_pretrain(data, tmp_path / "recomputed", valid=data / "valid"),
        read_model(whole / "model.pt").content(),
    )


def test_every_update_and_evaluation_is_reported(whole):
    assert [row["update"] for row in history(whole) if "train/loss" in row] == [*range(1, 9)]
    assert [row["update"] for row in history(whole) if "valid/loss" in row] == [4, 8]
    row = history(whole)[0]
    total = row["train/frame_loss"] + row["train/cls_loss"]
    assert row["train/loss"] == pytest.approx(total)
    assert {"train/prediction_std", "train/target_std", "train/grad_norm"} <= set(row)


def test_the_student_learns(data, tmp_path):
    options = {"training__updates": 60, "training__evaluate_every": 0, "teacher__decay": 0.99}
    run_pretrain(data, tmp_path / "run", **options)
    losses = column(tmp_path / "run", "train/frame_loss")
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


@pytest.mark.parametrize("stop", [1, 5])
def test_a_stopped_run_goes_on_bit_for_bit(data, whole, tmp_path, stop):
    """The stops lie before the first checkpoint, and between two."""
    exp = tmp_path / "stopped"
    with stopped_before(stop):
        run_pretrain(data, exp, valid=data / "valid")
    again = run_pretrain(data, exp, valid=data / "valid")
    assert history(exp) == history(whole)
    assert_same_weights(again, read_model(whole / "model.pt").content())


def test_evaluation_does_not_change_training(data, whole, tmp_path):
    unseen = run_pretrain(data, tmp_path / "unseen")
    assert_same_weights(unseen, read_model(whole / "model.pt").content())


def test_evaluation_uses_the_same_masks_every_time(data, tmp_path):
    options = {"valid": data / "valid", "optimizer__lr": 1e-30, "teacher__decay": 1.0}
    run_pretrain(data, tmp_path / "run", teacher__end_decay=1.0, **options)
    losses = column(tmp_path / "run", "valid/loss")
    assert len(losses) == 2
    assert losses[0] == losses[1]


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_last_batch_of_an_evaluation_counts_by_its_clips(tmp_path, reduction):
    """Five clips in one batch, or in two; a sum is that of a whole batch."""
    with_features(tmp_path / "train", two_sounds(5, seed=0))
    options = NO_NOISE | {"training__updates": 1, "optimizer__lr": 1e-30}
    options |= {"model__cls_reduction": reduction, "valid": tmp_path / "train"}
    found = []
    for size in (5, 4):
        exp = tmp_path / f"batches_of_{size}"
        run_pretrain(tmp_path, exp, data__batch_size=size, **options)
        [loss], [frame], [cls] = (
            column(exp, f"valid/{name}") for name in ("loss", "frame_loss", "cls_loss")
        )
        assert loss == pytest.approx(frame + cls)
        found.append((frame, cls / size if reduction == "sum" else cls))
    assert found[0] == pytest.approx(found[1], rel=1e-5)


def test_another_seed_gives_another_model(data, whole, tmp_path):
    other = run_pretrain(data, tmp_path / "other", training__seed=2)["weights"]
    weights = read_model(whole / "model.pt").weights
    assert not torch.equal(other["student.cls_token"], weights["student.cls_token"])
    assert column(tmp_path / "other", "train/loss") != column(whole, "train/loss")


def test_collapsed_features_are_warned_of(data, whole, tmp_path):
    """A decoder of zeros predicts the same at every patch."""
    content = tensor_files.load(whole / "model.pt")
    for name in ("decoder.proj.weight", "decoder.proj.bias"):
        content["weights"][name].zero_()
    tensor_files.save(content, tmp_path / "zeros.pt")
    options = {"init": tmp_path / "zeros.pt", "training__updates": 1}
    run_pretrain(data, tmp_path / "run", **options)
    warnings = [line for line in log_of(tmp_path / "run") if "WARNING" in line]
    assert len(warnings) == 1
    assert "collapsed to a constant (prediction_std 0.001)" in warnings[0]
    assert not any("WARNING" in line for line in log_of(whole))


def log_of(exp):
    return (exp / "train.log").read_text().splitlines()


def test_a_finished_run_is_left_alone(data, tmp_path):
    run_pretrain(data, tmp_path / "run", training__updates=1)
    before = (tmp_path / "run/model.pt").stat().st_mtime_ns
    run_pretrain(data, tmp_path / "run", training__updates=1)
    assert (tmp_path / "run/model.pt").stat().st_mtime_ns == before


def test_accumulated_micro_batches_are_one_large_batch(tmp_path):
    """Eight clips of one length: an update is the whole list either way."""
    with_features(tmp_path / "train", two_sounds(8, seed=0))
    options = NO_NOISE | {"optimizer__eps": 1e-3, "training__evaluate_every": 0}
    large = run_pretrain(tmp_path, tmp_path / "large", data__batch_size=8, **options)
    small = run_pretrain(
        tmp_path, tmp_path / "small", data__batch_size=2, training__accumulation=4, **options
    )
    assert column(tmp_path / "small", "train/loss") == pytest.approx(
        column(tmp_path / "large", "train/loss"), rel=1e-5
    )
    for name, tensor in large["weights"].items():
        torch.testing.assert_close(small["weights"][name], tensor, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("precision", "close"), [("bf16", 0.05), ("fp16", 0.01)])
def test_half_precision_follows_float32(data, whole, tmp_path, precision, close):
    half = run_pretrain(data, tmp_path / "half", training__precision=precision)
    losses = column(tmp_path / "half", "train/loss")
    expected = column(whole, "train/loss")
    assert losses == pytest.approx(expected, rel=close)
    assert losses != pytest.approx(expected, rel=1e-6)
    assert {tensor.dtype for tensor in half["weights"].values()} == {torch.float32}


def test_the_teacher_moves_as_told(data, tmp_path):
    def teacher_and_student(name, decay, updates):
        decays = {"teacher__decay": decay, "teacher__end_decay": decay}
        options = {"training__updates": updates, "optimizer__warmup": 0}
        weights = run_pretrain(data, tmp_path / name, **decays, **options)["weights"]
        return [weights[f"{which}.blocks.0.mlp.fc1.weight"] for which in ("teacher", "student")]

    first, _ = teacher_and_student("first", 1.0, 1)
    resting, student = teacher_and_student("resting", 1.0, 3)
    assert torch.equal(resting, first)
    assert not torch.equal(student, first)
    moving, _ = teacher_and_student("moving", 0.0, 3)
    assert not torch.equal(moving, first)


def test_a_run_starts_from_a_pretrained_model(data, whole, tmp_path):
    frozen = {"optimizer__lr": 1e-30, "teacher__decay": 1.0, "teacher__end_decay": 1.0}
    options = {"init": whole / "model.pt", "training__updates": 1}
    again = run_pretrain(data, tmp_path / "again", **options, **frozen)
    assert_same_weights(again, read_model(whole / "model.pt").content())


def test_the_first_model_brings_its_own_configuration(data, whole, tmp_path):
    """Also what no tensor shows; the log says where the given configuration differs."""
    options = {"model__depth": 3, "model__patch": {"time": 8, "freq": 8, "position_scale": 0.2}}
    again = run_pretrain(
        data, tmp_path / "run", init=whole / "model.pt", training__updates=1, **options
    )
    assert again["model"] == read_model(whole / "model.pt").model
    log = (tmp_path / "run/train.log").read_text()
    assert f"WARNING the model comes from {whole}/model.pt: model.depth: 3 -> 2; " in log
    assert "model.patch.position_scale: 0.2 -> 1.0" in log


def test_options_of_a_model_that_is_given_are_refused(data, whole, tmp_path, capsys):
    config = write_config(data, tmp_path / "run", init=whole / "model.pt")
    with pytest.raises(SystemExit):
        main(["pretrain", "--config", str(config), "--model.depth", "4"])
    reason = f"--model.depth has no effect: the model comes from {whole}/model.pt; only these can"
    assert f"{reason} be changed: mask, num_masks, decoder.mask_noise," in capsys.readouterr().err


def test_what_is_learned_from_can_be_changed_for_a_first_model(data, whole, tmp_path):
    """Masks and losses; the weights go on, those of the decoder among them."""
    frozen = {"optimizer__lr": 1e-30, "teacher__decay": 1.0, "teacher__end_decay": 1.0}
    options = {"model__mask": {"ratio": 0.75}, "model__decoder__mask_noise": 0.0, **frozen}
    options |= {"init": whole / "model.pt", "training__updates": 1, "model__depth": 3}
    config = write_config(data, tmp_path / "run", **options)
    words = ["--model.cls_weight", "0.5", "--model.num_masks", "16"]
    main(["pretrain", "--config", str(config), *words])
    again, before = read_model(tmp_path / "run/model.pt"), read_model(whole / "model.pt")
    assert_same_weights(again.content(), before.content())
    expected = before.model | {"num_masks": 16, "cls_weight": 0.5}
    expected |= {"mask": before.model["mask"] | {"ratio": 0.75}}
    expected |= {"decoder": before.model["decoder"] | {"mask_noise": 0.0}}
    assert again.model == expected
    log = (tmp_path / "run/train.log").read_text()
    assert f"WARNING the model comes from {whole}/model.pt: model.depth: 3 -> 2\n" in log
    assert (
        f"not as in {whole}/model.pt: model.cls_weight: 1.0 -> 0.5; model.decoder.mask_noise: 0.01"
        " -> 0.0; model.mask.ratio: 0.5 -> 0.75; model.num_masks: 2 -> 16\n"
    ) in log
    main(["pretrain", "--config", str(tmp_path / "run/config.yaml")])  # complete, and unchanged


def test_a_classifier_is_no_start_of_pretraining(data, whole, tmp_path):
    run_finetune(data, tmp_path / "finetune", training__updates=1)
    init = tmp_path / "finetune/model.pt"
    with pytest.raises(InputError, match=f"{init}: a finetuned model; pretraining continues from"):
        run_pretrain(data, tmp_path / "run", init=init)


@pytest.mark.parametrize("run", [run_pretrain, run_finetune])
def test_features_unlike_those_of_the_first_model_are_warned_of(data, tmp_path, run):
    for name, change in (("first", {}), ("second", {"sample_rate": 8000, "frame_shift_ms": 20.0})):
        shutil.copytree(data, tmp_path / name)
        settings = to_dict(FbankConfig(num_mel_bins=16)) | change
        (tmp_path / name / "train/fbank.yaml").write_text(yaml.safe_dump(settings))
    first, second, same = (tmp_path / f"run_{name}" for name in ("first", "second", "same"))
    run_pretrain(tmp_path / "first", first, training__updates=1)
    options = {"init": first / "model.pt", "training__updates": 1}
    run(tmp_path / "second", second, **options)
    run(tmp_path / "first", same, **options)
    assert (
        f"WARNING {tmp_path}/second/train: features differ from those {first}/model.pt was trained"
        " on (frame_shift_ms: 10.0 -> 20.0; sample_rate: 16000 -> 8000)"
    ) in (second / "train.log").read_text()
    assert "WARNING" not in (same / "train.log").read_text()


def test_the_saved_configuration_repeats_the_run(whole, tmp_path):
    main(["pretrain", "--config", str(whole / "config.yaml"), "--exp", str(tmp_path / "again")])
    again = read_model(tmp_path / "again/model.pt").content()
    assert_same_weights(again, read_model(whole / "model.pt").content())
    assert history(tmp_path / "again") == history(whole)


def test_features_of_other_mel_bins_are_refused(tmp_path):
    features = {name: matrix[:, :12] for name, matrix in random_features([32] * 4).items()}
    with_features(tmp_path / "train", features)
    with pytest.raises(InputError, match=r"features of 12 mel bins, but the model takes 16"):
        run_pretrain(tmp_path, tmp_path / "run")


@pytest.mark.parametrize("key", ["final", "patience"])
def test_nothing_ranks_pretrained_models(data, tmp_path, key):
    value = "best" if key == "final" else 2
    with pytest.raises(InputError, match=rf"training\.{key} {value} needs a validation set"):
        run_pretrain(data, tmp_path / "run", valid=data / "valid", **{f"training__{key}": value})
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("frames", [(20,), (20, 8)])
def test_clips_of_one_patch_have_nothing_to_mask(tmp_path, frames):
    with_features(tmp_path / "train", two_sounds(8, seed=0, frames=frames))
    sizes = {"model__patch": {"time": 40, "freq": 16}, "data__min_frames": 1}
    run_pretrain(tmp_path, tmp_path / "run", training__updates=3, **sizes)
    losses = column(tmp_path / "run", "train/loss")
    assert len(losses) == 3 and all(math.isfinite(loss) for loss in losses)
