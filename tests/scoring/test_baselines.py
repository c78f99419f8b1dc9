"""Baselines on band statistics."""

import numpy as np
import pytest
from dataset.directories import MEL, random_features, two_sounds, with_features
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from asda.cli import main
from asda.files import InputError
from asda.scoring import baselines
from asda.scoring.baselines import band_statistics, score_baselines
from asda.scoring.compare import read_result
from asda.scoring.predictions import ScoredClips
from asda.scoring.score_config import BaselineConfig

NAMES = ("logistic_regression", "random_forest")


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    root = tmp_path_factory.mktemp("baseline")
    with_features(root / "train", two_sounds(20, seed=0, frames=(32, 5)))
    with_features(root / "test", two_sounds(9, seed=1, frames=(20, 30)))
    words = ["--train", root / "train", "--test", root / "test", "--out", root / "exp"]
    main(["baseline", *map(str, words)])
    return root


def standardised_statistics(features):
    """Return mean and standard deviation of each band (clips, 2 MEL), and a standardised copy."""
    x = np.stack([np.r_[m.astype(float).mean(0), m.astype(float).std(0)] for m in features])
    return x, lambda other: (other - x.mean(0)) / x.std(0)


def test_statistics_are_mean_and_std_of_each_band():
    matrix = random_features([25])["utt00"]
    found = band_statistics(matrix)
    assert found.shape == (2 * MEL,) and found.dtype == np.float64
    np.testing.assert_allclose(found[:MEL], matrix.astype(float).mean(axis=0))
    np.testing.assert_allclose(found[MEL:], matrix.astype(float).std(axis=0))


@pytest.mark.parametrize("name", NAMES)
def test_both_tell_two_sounds_apart(sounds, name):
    result = read_result(sounds / "exp" / name / "score")
    assert result["metrics"]["accuracy"]["value"] == 1
    assert result["clips"] == {"found": 9, "expected": 9}
    scores = ScoredClips.load(sounds / "exp" / name / "score").scores
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_the_result_says_that_nothing_was_chosen(sounds, name):
    facts = read_result(sounds / "exp" / name / "score")["provenance"]
    assert facts["trained on"] == str(sounds / "train")
    assert facts["data"] == str(sounds / "test")
    assert facts["training clips"] == 20
    assert facts["selection"] == "none: fixed settings"
    assert facts["model"] == name.replace("_", " ")


def test_logistic_regression_is_standardised_by_the_training_clips(sounds):
    train = list(two_sounds(20, seed=0, frames=(32, 5)).values())
    test = list(two_sounds(9, seed=1, frames=(20, 30)).values())
    x, standardise = standardised_statistics(train)
    classifier = LogisticRegression(max_iter=2000)
    classifier.fit(standardise(x), np.arange(20) % 2)
    expected = classifier.predict_proba(standardise(standardised_statistics(test)[0]))
    scored = ScoredClips.load(sounds / "exp/logistic_regression/score")
    np.testing.assert_allclose(scored.scores, expected, atol=1e-4)


def relabelled(folder, features, labels_of):
    with_features(folder, features)
    lines = [f"{name} {labels_of(row)}\n" for row, name in enumerate(features)]
    (folder / "utt2label").write_text("".join(lines))
    (folder / "labels.txt").write_text("a\nb\nc\n")
    return str(folder)


@pytest.fixture
def fast(monkeypatch):
    """Replace the baselines by one that trains at once."""
    single = LogisticRegression(max_iter=200)
    monkeypatch.setattr(
        baselines,
        "_classifiers",
        lambda one: {"fast": single if one else OneVsRestClassifier(single)},
    )


def test_a_class_without_training_clips_gets_probability_zero(tmp_path, fast):
    train = relabelled(tmp_path / "train", two_sounds(10, 0), lambda row: "ac"[row % 2])
    test = relabelled(tmp_path / "test", two_sounds(6, 1), lambda row: "abc"[row % 3])
    score_baselines(BaselineConfig(train, test, str(tmp_path / "exp")))
    scored = ScoredClips.load(tmp_path / "exp/fast/score")
    assert (scored.scores[:, 1] == 0).all()
    assert (scored.scores[::2, 0] > 0.5).all() and (scored.scores[1::2, 2] > 0.5).all()


@pytest.mark.filterwarnings("error")
def test_several_labels_get_a_classifier_each(tmp_path, fast):
    train = relabelled(tmp_path / "train", two_sounds(12, 0), lambda row: ["a b", "b"][row % 2])
    test = relabelled(tmp_path / "test", two_sounds(6, 1), lambda row: ["a b", "b"][row % 2])
    score_baselines(BaselineConfig(train, test, str(tmp_path / "exp")))
    result = read_result(tmp_path / "exp/fast/score")
    assert result["metric"] == "mAP"
    assert result["metrics"]["mAP"]["value"] == 1
    scores = ScoredClips.load(tmp_path / "exp/fast/score").scores
    assert (scores[::2, 0] > 0.5).all() and (scores[1::2, 0] < 0.5).all()
    assert (scores[:, 1] == 1).all() and (scores[:, 2] == 0).all()


def test_features_may_lie_in_a_dump(sounds, tmp_path, fast):
    for name in ("train", "test"):
        folder = tmp_path / name
        folder.mkdir()
        for table in ("utt2spk", "utt2label", "labels.txt"):
            (folder / table).write_bytes((sounds / name / table).read_bytes())
    with pytest.raises(InputError, match=r"no feats\.scp"):
        score_baselines(
            BaselineConfig(*(str(tmp_path / name) for name in ("train", "test", "exp")))
        )
    words = ["--train", tmp_path / "train", "--test", tmp_path / "train"]
    words += ["--out", tmp_path / "exp", "--dump", sounds / "train"]
    main(["baseline", *map(str, words)])
    assert read_result(tmp_path / "exp/fast/score")["clips"]["found"] == 20


def test_results_are_printed_with_the_validation_result_beside_them(sounds, tmp_path, capsys, fast):
    valid = relabelled(tmp_path / "valid", two_sounds(8, 2), lambda row: "ba"[row in (0, 5, 7)])
    words = ["--train", sounds / "train", "--test", sounds / "test", "--valid", valid]
    main(["baseline", *map(str, [*words, "--out", tmp_path / "exp"])])
    assert (
        capsys.readouterr().out == f"{tmp_path}/exp/fast/score: accuracy % 100.0 [100.0, 100.0]\n"
    )
    result = read_result(tmp_path / "exp/fast/score")
    # The sounds alternate, a first: of the labels above those of 1, 3, 0 and so on are true.
    true = sum(("ab"[row % 2]) == "ba"[row in (0, 5, 7)] for row in range(8))
    expected = {"data": valid, "metric": "accuracy", "value": true / 8}
    assert result["validation"] == expected


@pytest.mark.parametrize(
    ("several", "limit", "reason"),
    [
        (False, 19, "20 training clips exceed --limit 19"),
        (False, 20, None),
        (
            True,
            59,
            "20 training clips times 3 classes, since clips have several labels, exceed --limit 59",
        ),
        (True, 60, None),
    ],
)
def test_a_corpus_above_the_limit_is_left_alone(tmp_path, capsys, fast, several, limit, reason):
    labels = ["a b", "b"] if several else ["a", "b"]
    train = relabelled(tmp_path / "train", two_sounds(20, 0), lambda row: labels[row % 2])
    score_baselines(BaselineConfig(train, train, str(tmp_path / "exp"), limit=limit))
    said = capsys.readouterr().out
    assert (tmp_path / "exp").exists() == (reason is None)
    if reason:
        expected = f"{tmp_path}/exp: no baselines are trained: {reason}; asda baseline without"
        assert said.startswith(expected) and said.count("\n") == 1


def test_one_class_is_refused(tmp_path):
    train = relabelled(tmp_path / "train", two_sounds(4, 0), lambda row: "a")
    with pytest.raises(InputError, match=f"{train}/utt2label: all 4 clips have the same labels"):
        score_baselines(BaselineConfig(train, train, str(tmp_path / "exp")))


def test_classes_without_training_clips_are_counted_openly(tmp_path):
    train = relabelled(tmp_path / "train", two_sounds(8, 0), lambda row: "ab"[row % 2])
    test = relabelled(tmp_path / "test", two_sounds(6, 1), lambda row: "abc"[row % 3])
    score_baselines(BaselineConfig(train, test, str(tmp_path / "exp")))
    result = read_result(tmp_path / "exp/logistic_regression/score")
    assert result["untrained"]["classes"] == ["c"]
    assert result["untrained"]["clips"] == 2


def test_clips_without_labels_are_legal(tmp_path):
    train, test = (
        relabelled(tmp_path / name, two_sounds(9, seed), lambda row: ("a", "b c", "")[row % 3])
        for seed, name in enumerate(("train", "test"))
    )
    score_baselines(BaselineConfig(train, test, str(tmp_path / "exp")))
    targets = ScoredClips.load(tmp_path / "exp/logistic_regression/score").targets
    assert targets[:3].tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 0]]


def test_features_of_another_width_are_named(tmp_path):
    clips = two_sounds(6, 0)
    narrow = {name: matrix[:, :12] for name, matrix in clips.items()}
    train = relabelled(tmp_path / "train", clips, lambda row: "ab"[row % 2])
    test = relabelled(tmp_path / "test", narrow, lambda row: "ab"[row % 2])
    with pytest.raises(InputError, match=f"{test}: features of 12 mel bins, but .* have 16"):
        score_baselines(BaselineConfig(train, test, str(tmp_path / "exp")))
