"""Fine-tuning from a data directory to model.pt."""

import copy
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from dataset.directories import MEL, two_sounds, with_features
from training.runs import (
    asda,
    assert_same_weights,
    column,
    history,
    run_finetune,
    run_pretrain,
    stopped_before,
    write_config,
)

from asda.checkpoint.load import read_model
from asda.cli import main
from asda.files import InputError
from asda.scoring.compare import read_result
from asda.tasks.classification import ClassificationTask

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_images")]
VARIED = {
    "augment__mixup_alpha": 0.8,
    "augment__time_mask": 0.2,
    "augment__noise": True,
    "classifier__drop_path": 0.2,
}


@pytest.fixture(scope="module")
def pretrained(data, tmp_path_factory):
    """A pretrained model whose student and teacher differ."""
    exp = tmp_path_factory.mktemp("exp") / "pretrain"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("asda.training.progress.draw_curves", lambda history, folder: None)
        run_pretrain(data, exp)
    return exp / "model.pt"


def test_it_learns_to_tell_two_sounds_apart(data, tmp_path):
    options = {"training__updates": 40, "training__evaluate_every": 20}
    run_finetune(data, tmp_path / "run", valid=data / "valid", **options)
    accuracies, losses = (
        column(tmp_path / "run", f"valid/{name}") for name in ("accuracy", "loss")
    )
    assert accuracies[-1] == 1
    assert losses[-1] < 0.5 * np.log(2)


def test_a_finished_model_says_what_it_was_trained_on(data, pretrained, tmp_path):
    run_finetune(data, tmp_path / "run", valid=data / "valid", init=pretrained)
    saved = read_model(tmp_path / "run/model.pt")
    assert saved.kind == "finetuned"
    assert saved.labels == ["a", "b"]
    assert saved.head == {"name": "classifier", "pooling": "cls", "layers": "last"}
    assert saved.output == "softmax"
    assert saved.normalization == read_model(pretrained).normalization
    expected = {"clips": 16, "updates": 8, "metric": "accuracy", "loss": "cross_entropy"}
    expected |= {"valid": str(data / "valid"), "init": str(pretrained), "seed": 1}
    assert expected.items() <= saved.facts.items()


@pytest.mark.parametrize("stop", [1, 5])
def test_a_stopped_run_goes_on_bit_for_bit(data, tmp_path, stop):
    options = VARIED | {"valid": data / "valid", "training__final": "average"}
    options |= {"training__evaluate_every": 1, "training__save_every": 2}
    whole = run_finetune(data, tmp_path / "whole", **options)
    with stopped_before(stop):
        run_finetune(data, tmp_path / "stopped", **options)
    again = run_finetune(data, tmp_path / "stopped", **options)
    assert history(tmp_path / "stopped") == history(tmp_path / "whole")
    assert again["facts"]["from_updates"] == whole["facts"]["from_updates"]
    assert_same_weights(again, whole)


@pytest.mark.slow
def test_a_killed_command_is_continued_by_run_sh(data, tmp_path, repository):
    options = VARIED | {"training__updates": 60, "training__evaluate_every": 0}
    options |= {"training__log_every": 10}
    whole = run_finetune(data, tmp_path / "whole", **options)
    exp = tmp_path / "killed"
    process = asda("finetune", "--config", write_config(data, exp, **options))
    while not (exp / "checkpoint.pt").exists():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (exp / "model.pt").exists()
    path = {"PATH": f"{sys.prefix}/bin:/usr/bin:/bin", "PYTHONPATH": str(repository)}
    subprocess.run([exp / "run.sh"], check=True, env=path, capture_output=True)
    assert "resuming after update" in (exp / "train.log").read_text()
    assert_same_weights(read_model(exp / "model.pt").content(), whole)
    assert history(exp) == history(tmp_path / "whole")


@pytest.mark.parametrize("encoder", ["student", "teacher"])
def test_a_frozen_encoder_is_the_pretrained_one_untouched(data, pretrained, tmp_path, encoder):
    options = {"classifier__freeze_encoder": True, "classifier__encoder": encoder}
    weights = run_finetune(data, tmp_path / "probe", init=pretrained, **options)["weights"]
    before = read_model(pretrained).encoder_weights(encoder)
    for name, tensor in before.items():
        assert torch.equal(weights[f"encoder.{name}"], tensor), name
    first = run_finetune(
        *(data, tmp_path / "first"), init=pretrained, training__updates=1, **options
    )
    assert not torch.equal(weights["head.weight"], first["weights"]["head.weight"])


@pytest.mark.parametrize(("pooling", "layers"), [("mean", "last"), ("statistics", "all")])
def test_fine_tuning_moves_every_layer_of_the_pretrained_encoder(
    data, pretrained, tmp_path, pooling, layers
):
    head = {"classifier__pooling": pooling, "classifier__layers": layers}
    options = {"classifier__drop_path": 0.0, **head}
    weights = run_finetune(data, tmp_path / "run", init=pretrained, **options)["weights"]
    read_model(tmp_path / "run/model.pt")
    before = read_model(pretrained).encoder_weights()
    for name, tensor in before.items():
        change = (weights[f"encoder.{name}"] - tensor).abs().max()
        assert 0 < change < 0.2, name


def test_the_model_comes_from_the_pretrained_one(data, pretrained, tmp_path):
    run_finetune(data, tmp_path / "run", init=pretrained, model__depth=5, model__mlp_ratio=3.5)
    saved = read_model(tmp_path / "run/model.pt")
    assert saved.model == read_model(pretrained).model
    assert "depth: 2" in (tmp_path / "run/config.yaml").read_text()
    said = f"WARNING the model comes from {pretrained}: model.depth: 5 -> 2\n"
    assert said in (tmp_path / "run/train.log").read_text()


def test_a_file_for_the_same_model_is_no_reason_to_warn(data, pretrained, tmp_path):
    run_finetune(data, tmp_path / "run", init=pretrained, training__updates=1)
    run_finetune(data, tmp_path / "new", classifier__encoder="teacher", training__updates=1)
    for name in ("run", "new"):
        assert "WARNING" not in (tmp_path / name / "train.log").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--init", "M", "--model.depth", "7"], "--model.depth has no effect: the model comes"),
        (["--model.depth=7", "--init=M"], "--model.depth=7 has no effect: the model comes from M"),
        (["--classifier.encoder", "teacher"], "--classifier.encoder has no effect: it selects"),
    ],
)
def test_options_without_effect_are_refused(data, tmp_path, capsys, words, said):
    config = write_config(data, tmp_path / "run", training__updates=1)
    with pytest.raises(SystemExit):
        main(["finetune", "--config", str(config), *words])
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_accumulated_micro_batches_are_one_large_batch(tmp_path):
    with_features(tmp_path / "train", two_sounds(8, seed=0))
    options = {"classifier__drop_path": 0.0, "optimizer__eps": 1e-3}
    large = run_finetune(tmp_path, tmp_path / "large", data__batch_size=8, **options)
    small = run_finetune(
        tmp_path, tmp_path / "small", data__batch_size=2, training__accumulation=4, **options
    )
    assert column(tmp_path / "small", "train/loss") == pytest.approx(
        column(tmp_path / "large", "train/loss"), rel=1e-5
    )
    for name, tensor in large["weights"].items():
        torch.testing.assert_close(small["weights"][name], tensor, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("precision", "close"), [("bf16", 0.1), ("fp16", 0.01)])
def test_half_precision_follows_float32(data, tmp_path, precision, close):
    options = {"classifier__drop_path": 0.0, "valid": data / "valid"}
    run_finetune(data, tmp_path / "float32", **options)
    half = run_finetune(data, tmp_path / "half", training__precision=precision, **options)
    for name in ("train/loss", "valid/loss"):
        losses, expected = (column(tmp_path / run, name) for run in ("half", "float32"))
        assert losses == pytest.approx(expected, rel=close)
        assert losses != pytest.approx(expected, rel=1e-6)
    assert {tensor.dtype for tensor in half["weights"].values()} == {torch.float32}


@pytest.fixture
def scripted(monkeypatch):
    """Make evaluations say given accuracies, and keep the weights that each of them saw."""
    seen = []
    accuracies = [0.3, 0.9, 0.5, 0.9, 0.1, 0.8, 0.2, 0.4]

    def evaluate(task):
        seen.append(copy.deepcopy(task.model.state_dict()))
        return {"accuracy": accuracies[len(seen) - 1]}

    monkeypatch.setattr(ClassificationTask, "evaluate", evaluate)
    return seen


@pytest.mark.parametrize(
    ("final", "chosen"), [("last", [8]), ("best", [4]), ("average", [2, 4, 6])]
)
def test_the_final_model_has_the_chosen_weights(data, tmp_path, scripted, final, chosen):
    """Of two equally good models the later one is taken."""
    options = {"training__final": final, "training__evaluate_every": 1}
    options |= {"training__snapshots": 3} if final == "average" else {}
    model = run_finetune(data, tmp_path / "run", valid=data / "valid", **options)
    assert model["facts"]["from_updates"] == chosen
    for name, tensor in model["weights"].items():
        expected = torch.stack([scripted[update - 1][name] for update in chosen]).mean(0)
        torch.testing.assert_close(tensor, expected, rtol=1e-6, atol=1e-7)
    assert not torch.equal(scripted[0]["head.weight"], scripted[1]["head.weight"])


@pytest.mark.parametrize("stop", [None, 4])
def test_patience_outlives_a_stop(data, tmp_path, scripted, stop):
    """Best after update 2, then three evaluations no better, of which one is as good."""
    options = {"valid": data / "valid", "training__final": "best", "training__patience": 3}
    options |= {"training__evaluate_every": 1, "training__save_every": 1}
    if stop:
        with stopped_before(stop):
            run_finetune(data, tmp_path / "run", **options)
    model = run_finetune(data, tmp_path / "run", **options)
    assert model["facts"]["updates"] == 5
    assert model["facts"]["from_updates"] == [4]
    assert len(scripted) == 5


def score(model, data, out):
    """Score a model and return result.json."""
    words = ["--model", model, "--data", data, "--out", out, "--device", "cpu"]
    main(["score", *map(str, words)])
    return read_result(out)


def test_the_best_model_scores_what_its_validation_said(data, tmp_path):
    options = {"training__final": "best", "training__evaluate_every": 1, "optimizer__lr": 0.02}
    exp = tmp_path / "run"
    run_finetune(data, exp, valid=data / "valid", **options)
    accuracies = column(exp, "valid/accuracy")
    assert min(accuracies) < max(accuracies)
    result = score(exp / "model.pt", data / "valid", tmp_path / "score")
    assert result["metrics"]["accuracy"]["value"] == pytest.approx(max(accuracies))


@pytest.mark.parametrize("key", ["final", "patience"])
def test_choosing_needs_a_validation_set(data, tmp_path, key):
    value = "best" if key == "final" else 2
    with pytest.raises(InputError, match=rf"training\.{key} {value} needs a validation set"):
        run_finetune(data, tmp_path / "run", **{f"training__{key}": value})


@pytest.mark.parametrize("run", [run_pretrain, run_finetune])
def test_validation_is_normalised_as_training_is(data, tmp_path, run):
    """A louder validation set is louder to the model too."""
    louder = {name: matrix + 4 for name, matrix in two_sounds(9, seed=1).items()}
    with_features(tmp_path / "plain", two_sounds(9, seed=1))
    with_features(tmp_path / "louder", louder)
    losses = []
    for valid in ("plain", "louder"):
        run(data, tmp_path / "run" / valid, valid=tmp_path / valid, training__updates=1)
        losses += column(tmp_path / "run" / valid, "valid/loss")
    # How much louder depends on the first weights; a set normalised by itself differs by rounding.
    assert losses[0] != pytest.approx(losses[1], rel=1e-5)


@pytest.fixture
def tagged(tmp_path):
    """Data directories whose clips have one of two labels or both."""
    for name, seed in (("train", 0), ("valid", 1)):
        folder = with_features(tmp_path / "tagged" / name, two_sounds(16, seed))
        text = (folder / "utt2label").read_text()
        (folder / "utt2label").write_text(re.sub(r"(utt..[26]) .", r"\1 a b", text))
    return tmp_path / "tagged"


def test_any_number_of_labels(tagged, tmp_path):
    options = {"classifier__loss": "bce", "training__final": "best", "training__updates": 60}
    options |= {"training__evaluate_every": 10, "optimizer__lr": 0.01}
    exp = tmp_path / "run"
    model = run_finetune(tagged, exp, valid=tagged / "valid", **options)
    assert model["facts"]["metric"] == "mAP"
    losses = column(exp, "train/loss")
    assert losses[0] == pytest.approx(2 * np.log(2), rel=0.1)  # summed over classes
    assert sum(losses[-4:]) < 0.5 * sum(losses[:4])
    result = score(exp / "model.pt", tagged / "valid", tmp_path / "score")
    assert result["metrics"]["mAP"]["value"] == pytest.approx(max(column(exp, "valid/mAP")))


def test_a_validation_label_that_training_lacks_is_refused(data, tmp_path):
    with_features(tmp_path / "valid", two_sounds(4, seed=1), labels=["a", "other"])
    with pytest.raises(
        InputError,
        match=r"2 clips have labels that are unknown to the model \(other; first: utt001\)",
    ):
        run_finetune(data, tmp_path / "run", valid=tmp_path / "valid")


def test_a_classifier_has_no_teacher_to_start_from(data, tmp_path):
    run_finetune(data, tmp_path / "first", training__updates=1)
    options = {"init": tmp_path / "first/model.pt", "classifier__encoder": "teacher"}
    with pytest.raises(InputError, match=r"model\.pt: holds one encoder \(finetuned\)"):
        run_finetune(data, tmp_path / "second", **options)


def test_features_of_other_mel_bins_than_the_pretrained_are_refused(pretrained, tmp_path):
    features = {name: matrix[:, : MEL // 2] for name, matrix in two_sounds(4, seed=0).items()}
    with_features(tmp_path / "train", features)
    with pytest.raises(InputError, match=r"features of 8 mel bins, but the model of .* takes 16"):
        run_finetune(tmp_path, tmp_path / "run", init=pretrained)
