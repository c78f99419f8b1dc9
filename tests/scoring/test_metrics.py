"""Metrics against scikit-learn and scipy."""

import numpy as np
import pytest
from scipy.stats import norm
from scoring.systems import multi_label, single_label
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    roc_auc_score,
)
from sklearn.metrics import confusion_matrix as sklearn_confusion

from asda.scoring.metrics import ClassificationMetrics, confusion_matrix, d_prime, measure


def coarse(scored):
    """Round scores so that many are equal."""
    return np.round(scored.scores), scored.targets


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("make", [single_label, multi_label])
@pytest.mark.parametrize("seed", range(3))
def test_mean_ap_and_auc_are_those_of_sklearn(make, ties, seed):
    scored = make(seed=seed)
    scores, targets = coarse(scored) if ties else (scored.scores, scored.targets)
    found = measure(scores, targets)
    assert found["mAP"] == pytest.approx(average_precision_score(targets, scores), abs=1e-12)
    assert found["AUC"] == pytest.approx(roc_auc_score(targets, scores), abs=1e-12)
    assert found["d_prime"] == pytest.approx(np.sqrt(2) * norm.ppf(found["AUC"]), abs=1e-12)


def test_accuracy_is_that_of_sklearn():
    scored = single_label()
    expected = accuracy_score(scored.targets.argmax(1), scored.scores.argmax(1))
    assert 0.3 < expected < 0.9
    assert measure(scored.scores, scored.targets)["accuracy"] == pytest.approx(expected)


def test_accuracy_belongs_to_single_label_tasks_alone():
    assert set(measure(*coarse(multi_label()))) == {"mAP", "AUC", "d_prime"}
    none = single_label()
    none.targets[0] = 0
    assert "accuracy" not in measure(none.scores, none.targets)


@pytest.mark.parametrize("make", [single_label, multi_label])
def test_clip_weights_are_sample_weights(make):
    scores, targets = coarse(make())
    weights = np.random.default_rng(1).integers(0, 4, (len(scores), 3)).astype(np.float32)
    ap, auc = ClassificationMetrics(scores, targets).per_class(weights)
    for c, column in np.ndindex(ap.shape):
        truth, score, weight = targets[:, c], scores[:, c], weights[:, column]
        expected = average_precision_score(truth, score, sample_weight=weight)
        assert ap[c, column] == pytest.approx(expected, abs=1e-9)
        expected = roc_auc_score(truth, score, sample_weight=weight)
        assert auc[c, column] == pytest.approx(expected, abs=1e-9)


def test_equal_scores_count_as_one_half():
    targets = np.array([[1, 0], [0, 1], [0, 1], [1, 0]])
    found = measure(np.zeros((4, 2), np.float32), targets)
    assert found == {"accuracy": 0.5, "mAP": 0.5, "AUC": 0.5, "d_prime": 0.0}


def test_perfect_and_reversed_rankings():
    targets = np.eye(3)[[0, 1, 2, 0, 1, 2]]
    assert measure(targets, targets) == {
        "accuracy": 1,
        "mAP": 1,
        "AUC": 1,
        "d_prime": np.inf,
    }
    backwards = measure(-targets, targets)
    assert backwards["AUC"] == backwards["accuracy"] == 0
    assert backwards["d_prime"] == -np.inf


@pytest.mark.parametrize(("empty", "fraction"), [("skip", 1.0), ("zero", 4 / 5)])
def test_a_class_without_positives_is_left_out_or_counts_as_zero(empty, fraction):
    scored = single_label(classes=4)
    whole = measure(scored.scores, scored.targets)
    noise = np.random.default_rng(0).standard_normal((len(scored.scores), 1)) - 99
    scores = np.hstack([scored.scores, noise.astype(np.float32)])
    targets = np.hstack([scored.targets, np.zeros_like(scored.targets[:, :1])])
    found = measure(scores, targets, empty_class=empty)
    assert found["mAP"] == pytest.approx(fraction * whole["mAP"])
    assert found["AUC"] == pytest.approx(whole["AUC"])
    assert found["accuracy"] == whole["accuracy"]


def test_a_class_of_all_clips_has_no_auc():
    targets = np.array([[1, 0], [1, 1], [1, 0]])
    scores = np.array([[3, 1], [2, 3], [1, 2]], np.float32)
    ap, auc = (values[:, 0] for values in ClassificationMetrics(scores, targets).per_class())
    assert ap.tolist() == [1, 1]
    assert np.isnan(auc[0]) and auc[1] == 1
    assert measure(scores, targets)["AUC"] == 1


def test_nothing_to_rank_gives_nan():
    found = measure(np.ones((3, 1), np.float32), np.zeros((3, 1)))
    assert all(np.isnan(value) for value in found.values())


def test_d_prime_of_published_aucs():
    """AUC of 0.973 is d' of 2.725 in the AudioSet literature."""
    assert d_prime(0.973) == pytest.approx(2.725, abs=1e-3)
    assert d_prime(np.array([0.5, 1.0, 0.0])).tolist() == [0, np.inf, -np.inf]


def test_confusion_has_a_row_for_each_true_class():
    scored = single_label(classes=5)
    found = confusion_matrix(scored.scores, scored.targets)
    expected = sklearn_confusion(scored.targets.argmax(1), scored.scores.argmax(1))
    assert (found != found.T).any()
    np.testing.assert_array_equal(found, expected)
    one = confusion_matrix(np.eye(3)[[2, 2]], np.eye(3)[[0, 0]])
    assert one.tolist() == [[0, 0, 2], [0, 0, 0], [0, 0, 0]]


def test_arrays_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match="do not match"):
        ClassificationMetrics(np.zeros((3, 2)), np.zeros((3, 4)))
