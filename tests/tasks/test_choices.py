"""What a classifier's configuration leaves open follows labels, features and processor."""

import shutil

import pytest
import torch
import yaml
from dataset.directories import MEL, two_sounds, with_features
from training.runs import MODEL, column, run_finetune, run_pretrain, stopped_before

from asda.checkpoint.load import read_model
from asda.cli import main
from asda.configuration import load, save
from asda.corpus.datadir import write_table
from asda.dataset.feature_sources import FeatureInput
from asda.features.fbank_config import FbankConfig
from asda.files import InputError
from asda.scoring.compare import read_result
from asda.training.run_config import ClassifierConfig, FinetuneConfig

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_images")]
OPEN = {key: value for key, value in MODEL.items() if key != "mel_bins"}


def log_of(exp):
    return (exp / "train.log").read_text()


def relabel(folder, changes):
    """Change lines of utt2label: utterance -> labels."""
    lines = dict(line.split(maxsplit=1) for line in (folder / "utt2label").open())
    write_table(folder / "utt2label", {u: v.strip() for u, v in (lines | changes).items()})


@pytest.fixture
def sounds(tmp_path):
    """Data directories `train` and `valid` of clips with one label each."""
    for name, seed in (("train", 0), ("valid", 1)):
        with_features(tmp_path / "data" / name, two_sounds(8, seed), labels=["a", "b", "c"])
        labels = {f"utt{n:03d}": "ab"[n % 2] for n in range(8)}
        relabel(tmp_path / "data" / name, labels)
    relabel(tmp_path / "data/train", {"utt003": "c", "utt005": "c"})
    return tmp_path / "data"


def test_one_label_per_clip_gives_cross_entropy_and_accuracy(sounds, tmp_path):
    exp = tmp_path / "run"
    run_finetune(sounds, exp, valid=sounds / "valid", training__updates=2)
    assert "INFO 3 classes of 2 (b) to 4 (a) training clips\n" in log_of(exp)
    assert "INFO one label per clip: loss cross_entropy, metric accuracy\n" in log_of(exp)
    saved = read_model(exp / "model.pt")
    assert saved.output == "softmax"
    assert saved.facts["loss"] == "cross_entropy" and saved.facts["metric"] == "accuracy"
    classifier = load(FinetuneConfig, exp / "config.yaml").classifier
    assert (classifier.loss, classifier.metric) == ("cross_entropy", "accuracy")


@pytest.mark.parametrize(
    ("where", "labels", "said"),
    [
        ("train", "a b", "of 16 clips 1 with several labels"),
        ("train", "", "of 16 clips 1 with no label"),
        ("valid", "a b", "of 16 clips 1 with several labels"),
    ],
)
def test_any_other_number_of_labels_gives_bce_and_map(sounds, tmp_path, where, labels, said):
    relabel(sounds / where, {"utt000": labels})
    exp = tmp_path / "run"
    run_finetune(sounds, exp, valid=sounds / "valid", training__updates=2)
    assert f"{said}: loss bce, metric mAP\n" in log_of(exp)
    saved = read_model(exp / "model.pt")
    assert saved.output == "sigmoid"
    assert saved.facts["metric"] == "mAP"
    assert len(column(exp, "valid/mAP")) == 1


@pytest.mark.parametrize("labels", ["a b", ""])
@pytest.mark.parametrize(
    ("where", "options", "said"),
    [
        ("train", {"loss": "cross_entropy"}, "classifier.loss cross_entropy needs one label"),
        ("valid", {"loss": "cross_entropy"}, "classifier.loss cross_entropy needs one label"),
        ("valid", {"metric": "accuracy"}, "classifier.metric accuracy needs one label"),
        ("train", {"label_smoothing": 0.1}, "classifier.label_smoothing needs one label"),
    ],
)
def test_settings_that_contradict_the_labels_are_refused(
    sounds, tmp_path, where, options, said, labels
):
    relabel(sounds / where, {"utt004": labels})
    what = "several labels" if labels else "no label"
    expected = (
        rf"{where}/utt2label: {said} per clip, but 1 of 8 clips have {what} \(first: utt004\)"
    )
    options = {f"classifier__{key}": value for key, value in options.items()}
    with pytest.raises(InputError, match=expected):
        run_finetune(sounds, tmp_path / "run", valid=sounds / "valid", **options)
    assert not (tmp_path / "run").exists()


def test_what_is_said_explicitly_stays(sounds, tmp_path):
    options = {"classifier__loss": "bce", "classifier__metric": "mAP", "training__updates": 1}
    facts = run_finetune(sounds, tmp_path / "run", valid=sounds / "valid", **options)["facts"]
    assert (facts["loss"], facts["metric"]) == ("bce", "mAP")


def test_the_metric_of_older_configurations_follows_their_loss():
    assert ClassifierConfig(loss="bce", metric=None).metric == "mAP"
    assert ClassifierConfig(loss="cross_entropy", metric=None).metric == "accuracy"


@pytest.mark.parametrize(("labels", "shown"), [("a", "a"), ("a b", "a b"), ("", "none")])
def test_clips_of_equal_labels_are_refused(sounds, tmp_path, labels, shown):
    relabel(sounds / "train", {f"utt{n:03d}": labels for n in range(8)})
    with pytest.raises(InputError, match=rf"all 8 clips have the same labels \({shown}\)"):
        run_finetune(sounds, tmp_path / "run")


def test_batches_of_clips_without_labels_have_a_finite_loss(sounds, tmp_path):
    """Divided by the number of labels, of which a batch may have none."""
    relabel(sounds / "train", {f"utt{n:03d}": "" for n in range(7)})
    options = {"classifier__loss_reduction": "labels", "data__batch_size": 2}
    run_finetune(sounds, tmp_path / "run", **options)
    losses = column(tmp_path / "run", "train/loss")
    assert len(losses) == 8 and max(losses) < 10


def test_classes_without_training_clips_are_named_and_stored(sounds, tmp_path):
    relabel(sounds / "train", {"utt003": "b", "utt005": "b"})
    saved = run_finetune(sounds, tmp_path / "run", training__updates=1)
    said = "1 of 3 classes have no training clips and cannot be recognised: c\n"
    assert said in log_of(tmp_path / "run")
    assert saved["facts"]["untrained_classes"] == ["c"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"optimizer__warmup": 10, "training__updates": 4},
            "optimizer.warmup 10 is not shorter than training.updates 4: the learning rate reaches"
            " 30% of optimizer.lr 0.005",
        ),
        (
            {"training__accumulation": 3},
            "an update takes 12 clips (data.batch_size 4 x training.accumulation 3), more than the"
            " 8 training clips: it uses some clips several times",
        ),
        ({"data__batch_size": 9}, "an update takes 9 clips (data.batch_size 9), more than the 8"),
        (
            {"training__evaluate_every": 50, "training__final": "best"},
            "training.evaluate_every 50 is more than training.updates 8: the model is evaluated"
            " once, at the end; no model is chosen, and no run stops early",
        ),
        (
            {"training__precision": "fp16"},
            "training.precision fp16 is meant for GPUs; on a CPU a step takes about",
        ),
    ],
)
def test_settings_that_do_not_do_what_they_seem_to_are_said(sounds, tmp_path, options, said):
    exp = tmp_path / "run"
    run_finetune(sounds, exp, valid=sounds / "valid", **options)
    assert log_of(exp).count(f"WARNING {said}") == 1
    assert log_of(exp).count("WARNING") == 1


def narrow(folder, bins):
    """Write a training set whose features have so many bins."""
    features = {name: matrix[:, :bins] for name, matrix in two_sounds(8, seed=0).items()}
    return with_features(folder / "train", features)


@pytest.mark.parametrize("run", [run_pretrain, run_finetune])
@pytest.mark.parametrize(("freq", "expected"), [("all", 12), (4, 4)])
def test_mel_bins_follow_the_features(tmp_path, run, freq, expected):
    narrow(tmp_path, 12)
    model = OPEN | {"patch": {"time": 8, "freq": freq}}
    run(tmp_path, tmp_path / "run", model=model, training__updates=1)
    saved = read_model(tmp_path / "run/model.pt").config
    assert saved.mel_bins == 12
    assert (saved.patch.freq, saved.patch.freq_stride) == (expected, expected)
    stored = yaml.safe_load((tmp_path / "run/config.yaml").read_text())["model"]
    assert (stored["mel_bins"], stored["patch"]["freq"]) == (12, expected)


def test_mel_bins_follow_the_settings_of_a_dump_or_of_features_from_audio(tmp_path):
    folder = narrow(tmp_path, 12)
    assert FeatureInput().mel_bins(folder) == 12
    save(FbankConfig(num_mel_bins=40), tmp_path / "fbank.yaml")
    assert FeatureInput(fbank=str(tmp_path / "fbank.yaml")).mel_bins(folder) == 40
    save(FbankConfig(num_mel_bins=12), folder / "fbank.yaml")
    assert FeatureInput(dump=str(folder)).mel_bins(folder) == 12


def test_other_explicit_mel_bins_are_refused_before_anything_is_written(tmp_path):
    narrow(tmp_path, 12)
    said = r"features of 12 mel bins, but the model takes 16 \(model.mel_bins\); leave out model"
    with pytest.raises(InputError, match=said):
        run_finetune(tmp_path, tmp_path / "run")
    model = OPEN | {"patch": {"time": 8, "freq": 8}}
    with pytest.raises(InputError, match=r"8 bins, .* model.mel_bins 12 .*; model.patch.freq: all"):
        run_finetune(tmp_path, tmp_path / "run", model=model)
    assert not (tmp_path / "run").exists()


def test_patches_of_all_bins_are_not_taken_for_another_model(data, tmp_path):
    options = {"training__updates": 1, "model__patch__freq": "all"}
    run_pretrain(data, tmp_path / "first", **options)
    assert read_model(tmp_path / "first/model.pt").config.patch.freq == MEL
    run_finetune(data, tmp_path / "run", init=tmp_path / "first/model.pt", **options)
    assert "the model comes from" not in log_of(tmp_path / "run")


@pytest.mark.parametrize(("flags", "expected"), [("avx512_bf16 fma", "bf16"), ("fma", "float32")])
def test_automatic_precision_is_decided_once(data, tmp_path, monkeypatch, flags, expected):
    info = tmp_path / "cpuinfo"
    monkeypatch.setattr("asda.training.choices.CPU_INFO", info)
    info.write_text(f"flags : {flags}\n")
    options = {"training__precision": "auto", "training__save_every": 1}
    exp = tmp_path / "run"
    with stopped_before(3):
        run_finetune(data, exp, **options)
    assert f"training.precision auto: {expected}\n" in log_of(exp)
    info.write_text("flags : fma avx512_bf16\n" if expected == "float32" else "flags : fma\n")
    resumed = run_finetune(data, exp, **options)
    assert load(FinetuneConfig, exp / "config.yaml").training.precision == expected
    explicit = run_finetune(data, tmp_path / "explicit", training__precision=expected)
    for name, tensor in explicit["weights"].items():
        assert torch.equal(resumed["weights"][name], tensor), name


def test_a_completed_run_needs_its_data_no_more(sounds, tmp_path):
    model = OPEN | {"patch": {"time": 8, "freq": "all"}}
    options = {"valid": sounds / "valid", "training__updates": 1, "model": model}
    before = run_finetune(sounds, tmp_path / "run", **options)
    shutil.rmtree(sounds)
    after = run_finetune(sounds, tmp_path / "run", **options)
    assert "model.pt is complete" in log_of(tmp_path / "run")
    assert after["facts"] == before["facts"]


def test_balanced_sampling_draws_as_with_the_weights_of_a_file(sounds, tmp_path):
    balanced = run_finetune(sounds, tmp_path / "balanced", data__sampling="balanced")
    weights = {"a": 1000 / 4.01, "b": 1000 / 2.01, "c": 1000 / 2.01}
    rows = dict(line.split() for line in (sounds / "train/utt2label").open())
    table = {utterance: f"{weights[label]:.6g}" for utterance, label in rows.items()}
    write_table(sounds / "train/utt2weight", table)
    weighted = run_finetune(sounds, tmp_path / "weighted", data__sampling="weighted")
    for name, tensor in balanced["weights"].items():
        assert torch.equal(weighted["weights"][name], tensor), name


def test_balanced_pretraining_is_bound_to_its_labels(sounds, tmp_path):
    options = {"data__sampling": "balanced", "training__updates": 1}
    run_pretrain(sounds, tmp_path / "run", **options)
    relabel(sounds / "train", {"utt000": "b"})
    with pytest.raises(InputError, match=r"labels of train changed since"):
        run_pretrain(sounds, tmp_path / "run", **options)


def test_validation_scores_long_clips_as_asda_score_does(data, tmp_path):
    """Clips of 32 frames in windows of 24."""
    options = {"data__max_frames": 24, "training__updates": 2, "valid": data / "valid"}
    run_finetune(data, tmp_path / "run", classifier__metric="mAP", **options)
    words = ["--model", tmp_path / "run/model.pt", "--data", data / "valid", "--device", "cpu"]
    main(["score", *map(str, words), "--out", str(tmp_path / "score")])
    result = read_result(tmp_path / "score")
    assert result["windows"]["longer"] == 6
    found = result["metrics"]["mAP"]["value"]
    assert found == pytest.approx(column(tmp_path / "run", "valid/mAP")[-1])
