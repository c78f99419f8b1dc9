"""Calibration: hand-made cases, scikit-learn, intervals, and what a score folder shows of it."""

import json

import numpy as np
import pytest
from matplotlib.image import imread
from scoring.systems import multi_label, score_folder, single_label
from sklearn.calibration import calibration_curve

from asda.scoring.calibration import BINS, Calibration
from asda.scoring.folds import merge_folds
from asda.scoring.intervals import bootstrap_weights, intervals
from asda.scoring.predictions import ScoredClips


def clips_of(probabilities, targets):
    probabilities = np.array(probabilities, dtype=np.float32)
    names = np.array([f"utt{row}" for row in range(len(probabilities))])
    labels = np.array([f"class{c}" for c in range(probabilities.shape[1])])
    return ScoredClips(names, probabilities, np.array(targets, np.uint8), labels, "probability")


def error_of(scored):
    return float(Calibration(scored).measure()["ECE"][0])


def test_one_label_a_clip_is_the_distance_of_confidence_and_accuracy():
    """Two clips at 0.9, one of them right, and two at 0.7, both right."""
    scored = clips_of(
        [[0.9, 0.1], [0.1, 0.9], [0.7, 0.3], [0.3, 0.7]], [[1, 0], [1, 0], [1, 0], [0, 1]]
    )
    assert error_of(scored) == pytest.approx((2 * 0.4 + 2 * 0.3) / 4)
    filled = [row for row in Calibration(scored).reliability() if row["count"]]
    assert [row["count"] for row in filled] == [2, 2]
    assert [row["confidence"] for row in filled] == pytest.approx([0.7, 0.9])
    assert [row["accuracy"] for row in filled] == [1, 0.5]


def test_several_labels_pool_the_decisions_of_all_classes():
    """At 0.2 one of four decisions has the label, at 0.9 both have."""
    scored = clips_of([[0.2, 0.2, 0.9], [0.2, 0.2, 0.9]], [[1, 0, 1], [0, 0, 1]])
    assert error_of(scored) == pytest.approx((4 * 0.05 + 2 * 0.1) / 6)


def test_probabilities_that_are_as_often_right_as_they_say_have_no_error():
    scored = clips_of([[0.75, 0.25]] * 4, [[1, 0]] * 3 + [[0, 1]])
    assert error_of(scored) == pytest.approx(0, abs=1e-7)


def pooled(scored):
    """Return the probability and the truth of all decisions, one after the other."""
    probabilities, targets = scored.probabilities(), scored.targets
    if (targets.sum(axis=1) == 1).all():
        clips, best = np.arange(len(scored)), scored.scores.argmax(axis=1)
        return probabilities[clips, best], targets[clips, best]
    return probabilities.ravel(), targets.ravel()


@pytest.mark.parametrize("scored", [single_label(300, 6), multi_label(200)])
def test_bins_are_those_of_scikit_learn(scored):
    probability, truth = pooled(scored)
    accuracy, confidence = calibration_curve(truth, probability, n_bins=BINS)
    rows = Calibration(scored).reliability()
    assert len(rows) == BINS and sum(row["count"] for row in rows) == len(probability)
    filled = [row for row in rows if row["count"]]
    assert [row["confidence"] for row in filled] == pytest.approx(confidence.tolist())
    assert [row["accuracy"] for row in filled] == pytest.approx(accuracy.tolist())
    count = np.array([row["count"] for row in filled])
    expected = (count * np.abs(accuracy - confidence)).sum() / count.sum()
    assert error_of(scored) == pytest.approx(expected)


@pytest.mark.parametrize("scored", [single_label(), multi_label()])
def test_clips_that_count_twice_are_as_good_as_two(scored):
    weights = next(bootstrap_weights(len(scored), replicates=3))
    found = Calibration(scored).measure(weights)["ECE"]
    for replicate, value in enumerate(found):
        drawn = np.repeat(np.arange(len(scored)), weights[:, replicate].astype(int))
        assert value == pytest.approx(error_of(scored.select(drawn)))


def test_probabilities_of_0_and_1_are_in_the_outer_bins():
    rows = Calibration(clips_of([[0, 1, 1]], [[0, 1, 1]])).reliability()
    assert (rows[0]["count"], rows[-1]["count"]) == (1, 2)


@pytest.fixture(scope="module", params=[single_label(), multi_label()], ids=["single", "multi"])
def folder(request, tmp_path_factory):
    return score_folder(tmp_path_factory.mktemp("exp") / "score", request.param)


def read(folder):
    return json.loads((folder / "result.json").read_text(encoding="utf-8"))


def test_a_score_folder_has_the_error_with_its_interval(folder):
    result, scored = read(folder), ScoredClips.load(folder)
    interval = intervals(Calibration(scored))["ECE"]
    assert result["metrics"]["ECE"] == interval._asdict()
    assert interval.low < interval.value
    assert result["metric_info"]["ECE"]["higher_is_better"] is False
    page = (folder / "RESULTS.md").read_text(encoding="utf-8")
    value, low, high = (f"{100 * end:.1f}" for end in interval)
    assert f"Expected calibration error: {value} [{low}, {high}] %" in page
    assert "(reliability.png)" in page


def test_the_table_of_the_bins_has_empty_cells_in_empty_bins(folder):
    lines = (folder / "reliability.tsv").read_text().splitlines()
    header, *cells = [line.split("\t") for line in lines]
    assert header == ["low", "high", "count", "confidence", "accuracy"]
    for row, line in zip(read(folder)["reliability"], cells, strict=True):
        assert line == ["" if value is None else str(value) for value in row.values()]
        assert (row["count"] == 0) == (row["accuracy"] is None) == (line[-1] == "")


def test_the_plot_shows_points_and_bars(folder):
    image = imread(folder / "reliability.png")[..., :3]
    assert image.shape[:2] == (700, 550)
    blue = image[..., 2] - image[..., 0] > 0.3
    assert blue[:500].sum() > 300 and not blue[520:].any()
    assert (np.abs(image[500:] - 0.85) < 0.01).all(axis=2).sum() > 1000


def test_merged_folds_are_calibrated_as_one_set(tmp_path):
    parts = [single_label(40), single_label(80, seed=2, first=100)]
    folders = [score_folder(tmp_path / f"{n}/score", part) for n, part in enumerate(parts)]
    result = merge_folds(folders, tmp_path / "all/score")
    expected = intervals(Calibration(ScoredClips.concatenate(parts)))["ECE"]
    assert result["metrics"]["ECE"] == expected._asdict()
    folds = [read(folder)["metrics"]["ECE"]["value"] for folder in folders]
    assert result["over_folds"]["ECE"]["mean"] == pytest.approx(np.mean(folds))
