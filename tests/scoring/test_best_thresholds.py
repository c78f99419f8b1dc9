"""thresholds.tsv: the threshold of each class with the highest F1."""

import numpy as np
import pytest
from scoring.systems import multi_label, score_folder, single_label
from sklearn.metrics import f1_score, precision_recall_curve, precision_score, recall_score

from asda.scoring.best_thresholds import best_thresholds
from asda.scoring.predictions import ScoredClips


def row_of(probabilities, positive):
    """Return the row of one class."""
    scores = np.array(probabilities)[:, None]
    names = np.array([f"utt{clip}" for clip in range(len(scores))])
    targets = np.array(positive, dtype=np.uint8)[:, None]
    (row,) = best_thresholds(ScoredClips(names, scores, targets, np.array(["a"]), "probability"))
    return row


def test_a_threshold_lies_in_the_middle_between_what_is_accepted_and_what_is_not():
    row = row_of([0.9, 0.1, 0.7, 0.4], [1, 0, 1, 0])
    assert row == {
        "label": "a",
        "threshold": pytest.approx(0.55),
        "F1": 1.0,
        "precision": 1.0,
        "recall": 1.0,
        "clips": 2,
    }


def test_clips_of_one_probability_are_accepted_together():
    row = row_of([0.8, 0.6, 0.6, 0.6, 0.2], [1, 1, 0, 0, 0])
    assert row["threshold"] == pytest.approx(0.7)  # F1 2/3; with the three at 0.6 also 2/3
    assert (row["precision"], row["recall"]) == (1, 0.5)


def test_if_all_are_accepted_the_threshold_is_half_the_lowest_probability():
    assert row_of([0.5, 0.3], [1, 1])["threshold"] == pytest.approx(0.15)
    assert row_of([0.5, 0.0], [0, 1])["threshold"] == 0


def test_neighbouring_numbers_are_told_apart():
    low = 0.3
    row = row_of([np.nextafter(low, 1), low], [1, 0])
    assert row["threshold"] == np.nextafter(low, 1) and row["F1"] == 1


def test_a_class_without_clips_has_one_half():
    row = row_of([0.5, 0.3], [0, 0])
    assert (row["threshold"], row["clips"]) == (0.5, 0)
    assert all(np.isnan(row[name]) for name in ("F1", "precision", "recall"))


@pytest.mark.parametrize("scored", [single_label(200, 6), multi_label(200)])
def test_no_other_threshold_has_a_higher_f1(scored):
    probabilities = scored.probabilities()
    for c, row in enumerate(best_thresholds(scored)):
        truth, accepted = scored.targets[:, c], probabilities[:, c] >= row["threshold"]
        assert row["F1"] == pytest.approx(f1_score(truth, accepted))
        assert row["precision"] == pytest.approx(precision_score(truth, accepted))
        assert row["recall"] == pytest.approx(recall_score(truth, accepted))
        assert row["clips"] == truth.sum()
        precision, recall, _ = precision_recall_curve(truth, probabilities[:, c])
        best = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
        assert row["F1"] == pytest.approx(best.max())


def test_a_score_folder_has_them_with_their_use(tmp_path):
    scored = multi_label()
    scored.targets[:, 2] = 0
    folder = score_folder(tmp_path / "score", scored)
    header, *lines = [
        line.split("\t") for line in (folder / "thresholds.tsv").read_text().splitlines()
    ]
    assert header == ["label", "threshold", "F1", "precision", "recall", "clips"]
    assert [line[0] for line in lines] == scored.labels.tolist()
    for line, row in zip(lines, best_thresholds(scored), strict=True):
        assert float(line[1]) == row["threshold"]
    assert lines[2] == ["class2", "0.5", "", "", "", "0"]
    page = (folder / "RESULTS.md").read_text(encoding="utf-8")
    assert "Use those of a validation set" in page
    assert "Classes without clips have 0.5: class2." in page
