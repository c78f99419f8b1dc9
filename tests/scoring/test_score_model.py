"""Scoring a trained classifier, against the model applied to one clip at a time."""

import shutil

import numpy as np
import pytest
import torch
from dataset.directories import two_sounds, with_features
from scoring.score_calls import error_of, score
from sklearn.metrics import accuracy_score, average_precision_score
from training.runs import history, run_finetune, run_pretrain

from asda.checkpoint import tensor_files
from asda.checkpoint.load import read_model
from asda.configuration import save
from asda.dataset.clips import open_clips
from asda.dataset.data_config import DataConfig
from asda.dataset.feature_sources import FeatureInput
from asda.distributed import Process
from asda.features.fbank_config import FbankConfig
from asda.features.normalization import Normalization
from asda.scoring.predict import predict
from asda.scoring.predictions import ScoredClips

SOFTMAX = torch.nn.Softmax(-1)
CLIPS = two_sounds(11, seed=1, frames=(32, 20, 44, 8))


def changed_model(root, folder, **entries):
    """Write a copy of the trained model with other entries and return its path."""
    content = tensor_files.load(root / "exp/model.pt")
    folder.mkdir(exist_ok=True)
    tensor_files.save(content | entries, folder / "model.pt")
    return folder / "model.pt"


@torch.no_grad()
def logits_one_by_one(root, activation=SOFTMAX, inverse=torch.log):
    """Return utterance -> logits of the clips of at least 10 frames, in windows of 40."""
    model = read_model(root / "exp/model.pt").build()
    train = np.concatenate(list(two_sounds(12, seed=0).values()))
    logits = {}
    for name, matrix in CLIPS.items():
        if len(matrix) >= 10:
            features = (matrix - train.mean(dtype=float)) / (2 * train.std(dtype=float))
            windows = [features] if len(matrix) <= 40 else [features[:40], features[-40:]]
            found = [activation(model(torch.from_numpy(w[None]).float())[0]) for w in windows]
            logits[name] = inverse(torch.stack(found).mean(0)).numpy()
    return logits


def test_clips_are_scored_as_one_by_one(trained, tmp_path):
    result = score(trained, tmp_path)
    scored = ScoredClips.load(tmp_path)
    expected = logits_one_by_one(trained)
    assert list(scored.utterances) == list(expected)
    logits = torch.from_numpy(np.stack(list(expected.values())))
    np.testing.assert_allclose(scored.scores, logits.log_softmax(-1), atol=1e-4)
    truth = [row % 2 for row in range(11) if row % 4 != 3]
    assert scored.targets.argmax(1).tolist() == truth
    accuracy = accuracy_score(truth, logits.argmax(-1))
    assert result["metrics"]["accuracy"]["value"] == pytest.approx(accuracy)
    assert result["clips"] == {"found": 9, "expected": 11}


@pytest.mark.parametrize("batch_size", [1, 4])
def test_scores_do_not_depend_on_the_batch(trained, tmp_path, batch_size):
    score(trained, tmp_path / "a")
    score(trained, tmp_path / "b", "--batch-size", batch_size)
    a, b = (ScoredClips.load(tmp_path / name) for name in "ab")
    np.testing.assert_allclose(a.scores, b.scores, atol=1e-4)


def test_the_result_says_how_the_model_was_made(trained, tmp_path):
    facts = score(trained, tmp_path)["provenance"]
    normalization = facts.pop("normalization")
    values = np.concatenate(list(two_sounds(12, seed=0).values())).astype(float)
    assert normalization == pytest.approx({"mean": values.mean(), "std": values.std()})
    assert facts == {
        "data": str(trained / "test"),
        "model": str(trained / "exp/model.pt"),
        "updates": 12,
        "init": "none: trained from scratch",
        "trained on": str(trained / "train"),
        "training clips": 12,
        "seed": 1,
        "selection": "last of updates [12]",
    }


def test_a_model_chosen_on_a_validation_set_says_so(trained, tmp_path):
    facts = tensor_files.load(trained / "exp/model.pt")["facts"]
    facts |= {"final": "best", "from_updates": [4], "metric": "mAP", "valid": "data/valid"}
    model = changed_model(trained, tmp_path / "chosen", facts=facts)
    result = score(trained, tmp_path / "score", model=model)
    assert result["provenance"]["selection"] == "best of updates [4], mAP on data/valid"


def test_an_imported_model_says_where_it_came_from(trained, tmp_path):
    facts = {"source": "finetuned.pt of EAT", "updates": None}
    model = changed_model(trained, tmp_path / "imported", facts=facts)
    provenance = score(trained, tmp_path / "score", model=model)["provenance"]
    assert provenance["source"] == "finetuned.pt of EAT"
    assert "trained on" not in provenance


def test_a_model_without_its_facts_is_refused(trained, tmp_path, capsys):
    model = changed_model(trained, tmp_path / "lost", facts={})
    error = error_of(capsys, trained, tmp_path / "score", model=model)
    assert f"{model}: corrupt or not an asda file (KeyError: 'updates')" in error


def test_scores_of_independent_labels_are_logits(trained, tmp_path):
    model = changed_model(trained, tmp_path / "bce", output="sigmoid")
    score(trained, tmp_path / "score", model=model)
    expected = logits_one_by_one(trained, torch.sigmoid, torch.logit)
    expected = np.stack(list(expected.values()))
    scores = ScoredClips.load(tmp_path / "score").scores
    np.testing.assert_allclose(scores, expected, atol=1e-4)


def test_features_may_lie_in_a_dump(trained, tmp_path):
    shutil.copytree(trained / "test", tmp_path / "data")
    for name in ("feats.scp", "utt2num_frames", "utt2moments"):
        (tmp_path / "data" / name).unlink()
    words = ["--dump", trained / "test"]
    score(trained, tmp_path / "dumped", *words, data=tmp_path / "data")
    score(trained, tmp_path / "own")
    dumped, own = (ScoredClips.load(tmp_path / name) for name in ("dumped", "own"))
    np.testing.assert_array_equal(dumped.scores, own.scores)


def test_a_metric_to_rank_by(trained, tmp_path, capsys):
    assert score(trained, tmp_path / "a", "--metric", "AUC")["metric"] == "AUC"
    error = error_of(capsys, trained, tmp_path / "b", "--metric", "F1")
    assert "no metric F1 for these clips; there are accuracy, mAP, AUC" in error


def test_features_made_otherwise_are_refused(trained, tmp_path, capsys):
    fbank = {"num_mel_bins": 16, "window": "hanning", "low_freq": 20.0}
    model = changed_model(trained, tmp_path / "model", fbank=fbank)
    folder = shutil.copytree(trained / "test", tmp_path / "data")
    (folder / "fbank.yaml").write_text("num_mel_bins: 16\nwindow: povey\nlow_freq: 20.0\n")
    error = error_of(capsys, trained, tmp_path / "out", data=folder, model=model)
    assert f"{folder}: features differ from those" in error
    assert "(window: hanning -> povey)" in error
    (folder / "fbank.yaml").write_text("num_mel_bins: 16\nwindow: hanning\nlow_freq: 20\n")
    score(trained, tmp_path / "out", data=folder, model=model)


def test_features_of_other_mel_bins_are_refused(trained, tmp_path, capsys):
    features = {name: matrix[:, :8] for name, matrix in CLIPS.items()}
    folder = with_features(tmp_path / "data", features)
    error = error_of(capsys, trained, tmp_path / "out", data=folder)
    assert "features of 8 mel bins, but the model takes 16" in error


def test_a_label_that_the_model_does_not_know_is_refused(trained, tmp_path, capsys):
    folder = with_features(tmp_path / "data", CLIPS, labels=["a", "b", "c"])
    error = error_of(capsys, trained, tmp_path / "out", data=folder)
    assert "3 clips have labels that are unknown to the model (c; first: utt002)" in error


def test_a_pretrained_model_is_refused(trained, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("asda.training.progress.draw_curves", lambda history, folder: None)
    run_pretrain(trained, tmp_path / "run", training__updates=1)
    error = error_of(capsys, trained, tmp_path / "out", model=tmp_path / "run/model.pt")
    assert "a pretrained model; fine-tune it before scoring" in error


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--modle", "x"], "modle"),
        (["--batch-size", "many"], "batch_size"),
        (["--batch-size", "0"], "batch_size must be at least 1, not 0"),
        (["--threads", "-1"], "threads must be from 0 to 1024, not -1"),
        (["--threads", "100000"], "threads must be from 0 to 1024, not 100000"),
        (["--fbank", "nowhere.yaml"], "nowhere.yaml: no such file"),
        (["--dump", "nowhere"], "nowhere: no such data directory"),
    ],
)
def test_wrong_options_are_refused_by_name(trained, tmp_path, capsys, words, named):
    assert named in error_of(capsys, trained, tmp_path / "out", *words)
    assert not (tmp_path / "out").exists()


def test_a_missing_model_is_named(trained, tmp_path, capsys):
    error = error_of(capsys, trained, tmp_path / "out", model="exp/other.pt")
    assert "exp/other.pt: no such file" in error.lower()


def test_scoring_from_audio_needs_the_audio(trained, tmp_path, capsys):
    save(FbankConfig(num_mel_bins=16), tmp_path / "fbank.yaml")
    error = error_of(capsys, trained, tmp_path / "out", "--fbank", tmp_path / "fbank.yaml")
    assert "wav.scp: no such file" in error


def test_predictions_are_in_the_order_of_the_clips(tmp_path):
    """Whatever the order that lengths give: a model that returns a clip's own first value."""
    lengths = [30, 10, 20, 25, 10, 15, 30]
    features = {f"utt{n}": np.full((frames, 16), n, np.float32) for n, frames in enumerate(lengths)}
    folder = with_features(tmp_path / "data", features)

    class First(torch.nn.Module):
        def forward(self, fbank, num_frames):
            assert not self.training and not torch.is_grad_enabled()
            return fbank[:, 0, :2]

    clips = open_clips(
        str(folder),
        FeatureInput(),
        DataConfig(batch_size=2, min_frames=1, workers=0),
        Normalization(0.0, 0.5),
    )
    found = predict(First().train(), clips, Process(0, 1, torch.device("cpu")))
    assert found.dtype == np.float32
    assert found.tolist() == [[n, n] for n in range(7)]


def test_long_clips_are_scored_by_windows_and_said_so(trained, tmp_path):
    """Clips of 44 frames are longer than the 40 that the model takes, and are of 10 ms steps."""
    result = score(trained, tmp_path / "windows")
    expected = {"longer": 3, "max_frames": 40, "seconds": None, "scored": "windows"}
    assert result["windows"] == expected
    page = (tmp_path / "windows/RESULTS.md").read_text()
    assert (
        "3 of 9 clips are longer than 40 frames: averaged over windows of the whole clip." in page
    )
    data = tensor_files.load(trained / "exp/model.pt")["data"] | {"long_clips": "start"}
    model = changed_model(trained, tmp_path / "start", data=data)
    result = score(trained, tmp_path / "cut", model=model)
    assert result["windows"] == expected | {"scored": "start"}
    page = (tmp_path / "cut/RESULTS.md").read_text()
    assert "longer than 40 frames: scored by their start alone" in page
    whole, cut = (ScoredClips.load(tmp_path / name) for name in ("windows", "cut"))
    longer = np.array([len(CLIPS[utterance]) > 40 for utterance in whole.utterances])
    assert longer.sum() == 3
    np.testing.assert_array_equal(whole.scores[~longer], cut.scores[~longer])
    assert (np.abs(whole.scores[longer] - cut.scores[longer]).max(axis=1) > 1e-4).all()


def test_a_very_long_clip_is_read_window_by_window(tmp_path):
    features = {"long": np.arange(4003, dtype=np.float32)[:, None] * np.ones((1, 16), np.float32)}
    folder = with_features(tmp_path / "data", features)
    seen = []

    class First(torch.nn.Module):
        def forward(self, fbank, num_frames):
            seen.append(fbank.shape)
            return fbank[:, 0, :2]

    config = DataConfig(max_frames=40, batch_size=8, workers=0)
    clips = open_clips(str(folder), FeatureInput(), config, Normalization(0.0, 0.5))
    found = predict(First(), clips, Process(0, 1, torch.device("cpu")))
    assert max(seen) == (8, 40, 16)
    starts = [*range(0, 4000, 40), 3963]
    assert found[0].tolist() == pytest.approx([np.mean(starts)] * 2)


def test_the_metric_that_has_chosen_the_model_leads_its_results(trained, tmp_path):
    facts = tensor_files.load(trained / "exp/model.pt")["facts"] | {"metric": "mAP"}
    model = changed_model(trained, tmp_path / "chosen", facts=facts | {"valid": "data/valid"})
    assert score(trained, tmp_path / "a", model=model)["metric"] == "mAP"
    assert "**mAP % " in (tmp_path / "a/RESULTS.md").read_text()
    assert score(trained, tmp_path / "b", "--metric", "AUC", model=model)["metric"] == "AUC"
    assert score(trained, tmp_path / "c")["metric"] == "accuracy"


def test_accuracy_leads_only_where_every_clip_has_one_label(trained, tmp_path):
    facts = tensor_files.load(trained / "exp/model.pt")["facts"] | {"metric": "accuracy"}
    model = changed_model(trained, tmp_path / "chosen", facts=facts | {"valid": "data/valid"})
    folder = with_features(tmp_path / "data", CLIPS)
    text = (folder / "utt2label").read_text()
    (folder / "utt2label").write_text(text.replace("utt000 a", "utt000 a b"))
    assert score(trained, tmp_path / "out", data=folder, model=model)["metric"] == "mAP"


def test_classes_without_training_clips_are_counted_openly(trained, tmp_path):
    facts = tensor_files.load(trained / "exp/model.pt")["facts"] | {"untrained_classes": ["b"]}
    model = changed_model(trained, tmp_path / "partly", facts=facts)
    result = score(trained, tmp_path / "out", model=model)
    scored = ScoredClips.load(tmp_path / "out")
    others = average_precision_score(scored.targets[:, 0], scored.scores[:, 0])
    assert result["untrained"] == {
        "classes": ["b"],
        "clips": 3,
        "mAP_of_others": pytest.approx(others),
    }
    page = (tmp_path / "out/RESULTS.md").read_text()
    assert "1 of 2 classes had no training clips (b). They count in all metrics, with 3" in page
    assert f"mAP without them: {100 * others:.1f} %." in page


def test_the_validation_result_of_the_chosen_model_is_reported(trained, tmp_path, capsys):
    options = {"valid": str(trained / "test"), "classifier__metric": "mAP"}
    options |= {"training__updates": 4, "training__evaluate_every": 2, "data__min_frames": 10}
    for final in ("best", "average"):
        exp = tmp_path / final
        facts = run_finetune(trained, exp, training__final=final, **options)["facts"]
        measured = {row["update"]: row.get("valid/mAP") for row in history(exp)}
        expected = measured[facts["from_updates"][0]] if final == "best" else None
        assert facts["metric_value"] == expected
        result = score(trained, exp / "score", model=exp / "model.pt")
        found = {"data": str(trained / "test"), "metric": "mAP", "value": expected}
        assert result["validation"] == (found if expected is not None else None)
    assert f"{exp}/score: mAP % " in capsys.readouterr().out
