"""Bootstrap intervals against loops over redrawn clips, and against the truth they must cover."""

import numpy as np
import pytest
from scipy.stats import norm
from scoring.systems import multi_label, score_folder, single_label
from sklearn.metrics import average_precision_score, roc_auc_score

from asda.scoring.intervals import (
    BLOCK,
    bootstrap_weights,
    intervals,
    mean_intervals,
    paired_differences,
)
from asda.scoring.metrics import ClassificationMetrics, measure
from asda.scoring.result_files import report_of


def system(scored):
    return ClassificationMetrics(scored.scores, scored.targets)


def redrawn(scored, replicates, groups=None):
    """Yield scores and targets of each replicate, clips repeated as often as they are drawn."""
    weights = np.hstack(list(bootstrap_weights(len(scored.scores), groups, replicates)))
    for column in weights.T.astype(int):
        rows = np.repeat(np.arange(len(scored.scores)), column)
        yield scored.scores[rows], scored.targets[rows]


def bias_corrected(value, replicates):
    shift = 2 * (np.mean(replicates) - value)
    return np.quantile(replicates, [0.025, 0.975]) - shift


def test_as_many_clips_as_there_are_are_drawn():
    blocks = list(bootstrap_weights(50, replicates=BLOCK + 7))
    assert [block.shape for block in blocks] == [(50, BLOCK), (50, 7)]
    weights = np.hstack(blocks)
    assert (weights.sum(axis=0) == 50).all()
    assert 0.3 < (weights == 0).mean() < 0.44  # about 1/e are not drawn
    again = np.hstack(list(bootstrap_weights(50, replicates=BLOCK + 7)))
    other = np.hstack(list(bootstrap_weights(50, replicates=BLOCK + 7, seed=1)))
    assert (weights == again).all() and (weights != other).any()


def test_groups_are_drawn_whole():
    groups = np.array([0, 1, 1, 2, 2, 2])
    weights = np.hstack(list(bootstrap_weights(6, groups, replicates=40)))
    assert (weights[1] == weights[2]).all()
    assert (weights[3] == weights[4]).all() and (weights[4] == weights[5]).all()
    assert ((weights[0] + weights[1] + weights[3]) == 3).all()
    assert len(np.unique(weights, axis=1).T) > 5


def test_intervals_are_those_of_a_loop_over_redrawn_clips():
    scored = single_label(clips=80)
    found = intervals(system(scored), replicates=100)
    measured = [measure(*replicate) for replicate in redrawn(scored, 100)]
    for name in ("accuracy", "mAP", "AUC"):
        value = measure(scored.scores, scored.targets)[name]
        expected = bias_corrected(value, [one[name] for one in measured])
        assert found[name].value == pytest.approx(value)
        np.testing.assert_allclose(found[name][1:], expected, atol=1e-6)


def test_intervals_of_several_labels_are_those_of_sklearn_on_redrawn_clips():
    scored = multi_label()
    found = intervals(system(scored), replicates=60)
    for name, metric in (("mAP", average_precision_score), ("AUC", roc_auc_score)):
        values = [metric(targets, scores) for scores, targets in redrawn(scored, 60)]
        expected = bias_corrected(metric(scored.targets, scored.scores), values)
        np.testing.assert_allclose(found[name][1:], expected, atol=1e-6)


def test_d_prime_has_the_ends_of_the_auc():
    found = report_of(multi_label()).intervals()
    np.testing.assert_allclose(found["d_prime"], np.sqrt(2) * norm.ppf(found["AUC"]))


def test_intervals_end_at_nothing_and_everything_right():
    found = intervals(system(single_label(signal=100)), replicates=50)
    assert found["accuracy"] == found["mAP"] == found["AUC"] == (1, 1, 1)
    targets = np.eye(2)[[0] * 29 + [1]]
    scores = np.eye(2, dtype=np.float32)[[0] * 30]
    low, high = intervals(ClassificationMetrics(scores, targets), replicates=200)["accuracy"][1:]
    assert 0.8 < low < 29 / 30 < high <= 1


def test_copies_of_clips_widen_the_interval_when_drawn_as_groups():
    scored = single_label(clips=40, classes=2)
    for name in ("utterances", "scores", "targets"):
        setattr(scored, name, np.repeat(getattr(scored, name), 9, axis=0))
    groups = np.repeat(np.arange(40), 9)
    alone = intervals(system(scored), replicates=200)["accuracy"]
    together = intervals(system(scored), groups, replicates=200)["accuracy"]
    widths = [interval.high - interval.low for interval in (alone, together)]
    assert widths[1] == pytest.approx(3 * widths[0], rel=0.2)


@pytest.mark.parametrize(("name", "least"), [("accuracy", 0.88), ("mAP", 0.75), ("AUC", 0.88)])
def test_intervals_cover_the_truth(name, least):
    """Of mAP with 7 clips a class, plain percentiles cover it in half of all cases."""
    truth = measure(*draw(np.random.default_rng(0), 20000))[name]
    covered = []
    for seed in range(1, 101):
        found = intervals(
            ClassificationMetrics(*draw(np.random.default_rng(seed), 60)), replicates=150
        )[name]
        covered.append(found.low <= truth <= found.high)
    assert least <= np.mean(covered) < 1


def draw(rng, clips):
    """Return scores and targets of clips drawn one by one from eight classes."""
    targets = np.eye(8)[rng.integers(0, 8, clips)]
    scores = rng.standard_normal((clips, 8)) + 1.2 * targets
    return scores.astype(np.float32), targets


def test_paired_differences_are_those_of_a_loop_over_redrawn_clips():
    first, second = single_label(seed=1), single_label(seed=2, signal=2.0)
    found = paired_differences([system(first)], [system(second)], replicates=80)
    before = [measure(*replicate) for replicate in redrawn(first, 80)]
    after = [measure(*replicate) for replicate in redrawn(second, 80)]
    for name in ("accuracy", "mAP", "AUC"):
        value = (
            measure(second.scores, second.targets)[name]
            - measure(first.scores, first.targets)[name]
        )
        changes = [b[name] - a[name] for a, b in zip(before, after, strict=True)]
        assert found[name].value == pytest.approx(value)
        np.testing.assert_allclose(found[name][1:], bias_corrected(value, changes), atol=1e-6)


def runs_of(signals, seed=0):
    """Return systems on the same 200 clips whose trainings differ, as `signals` say."""
    return [system(single_label(clips=200, seed=seed, signal=signal)) for signal in signals]


def test_systems_of_several_runs_differ_by_the_mean_over_pairs():
    first, second = runs_of([0.5, 1.0, 1.5]), runs_of([1.0, 1.0, 3.0])
    found = paired_differences(first, second, replicates=50)
    pairs = [
        paired_differences([a], [b], replicates=50) for a, b in zip(first, second, strict=True)
    ]
    for name, interval in found.items():
        assert interval.value == pytest.approx(np.mean([pair[name].value for pair in pairs]))


def test_runs_that_agree_are_no_surer_than_their_clips():
    """Three equal runs tell what one tells."""
    first, second = runs_of([0.5]), runs_of([1.5])
    alone = paired_differences(first, second, replicates=200)["accuracy"]
    thrice = paired_differences(3 * first, 3 * second, replicates=200)["accuracy"]
    assert thrice == pytest.approx(alone)


@pytest.mark.parametrize("runs", [3, 6])
def test_runs_that_differ_widen_the_interval_as_their_mean_varies(runs):
    """On clips that are all right or all wrong only the runs vary: that is t without its tails."""
    changes = np.arange(runs) % 3 / 3
    targets = np.eye(2)[np.zeros(300, int)]

    def right(fraction):
        return ClassificationMetrics(
            np.eye(2, dtype=np.float32)[(np.arange(300) >= 300 * fraction) * 1], targets
        )

    second = [right(fraction) for fraction in changes]
    found = paired_differences([right(0)] * runs, second, np.zeros(300, int), replicates=4000)
    spread = (found["accuracy"].high - found["accuracy"].low) / 2
    expected = 1.96 * np.std(changes, ddof=1) / np.sqrt(runs)
    assert found["accuracy"].value == pytest.approx(changes.mean(), abs=1e-6)
    assert spread == pytest.approx(expected, rel=0.15)


def test_systems_have_equally_many_runs():
    with pytest.raises(ValueError):
        paired_differences(runs_of([1, 1]), runs_of([1]), replicates=5)


def test_a_small_but_steady_gain_shows_in_pairs_alone():
    first = single_label(clips=400, signal=1.0)
    second = single_label(clips=400, signal=1.0)
    second.scores += 0.15 * second.targets
    alone = [intervals(system(scored))["accuracy"] for scored in (first, second)]
    assert alone[0].high > alone[1].low
    assert paired_differences([system(first)], [system(second)])["accuracy"].low > 0


def test_a_system_does_not_differ_from_itself():
    scored = multi_label()
    for interval in paired_differences([system(scored)], [system(scored)], replicates=20).values():
        assert interval == (0, 0, 0)


def test_what_cannot_be_measured_has_no_interval():
    found = intervals(
        ClassificationMetrics(np.ones((4, 1), np.float32), np.ones((4, 1))), replicates=5
    )
    assert np.isnan(found["AUC"]).all()
    assert found["accuracy"] == found["mAP"] == (1, 1, 1)


def test_one_clip_or_group_has_no_interval(tmp_path):
    scored = single_label(clips=1)
    value, low, high = intervals(ClassificationMetrics(scored.scores, scored.targets))["accuracy"]
    assert value in (0, 1) and np.isnan([low, high]).all()
    page = (score_folder(tmp_path / "score", scored) / "RESULTS.md").read_text(encoding="utf-8")
    assert "[–, –]** on 1 clip of 4 classes" in page
    many = single_label()
    one_group = np.zeros(60, int)
    assert np.isnan(intervals(system(many), one_group)["accuracy"][1:]).all()
    differences = paired_differences([system(many)], [system(many)], one_group)
    assert np.isnan(differences["mAP"][1:]).all()


def test_the_mean_over_runs_has_an_interval_over_clips_and_runs():
    runs = [system(single_label(clips=80, seed=seed)) for seed in range(5)]
    found = mean_intervals(runs, replicates=200)["accuracy"]
    alone = [intervals(run, replicates=200)["accuracy"] for run in runs]
    assert found.value == pytest.approx(np.mean([one.value for one in alone]))
    assert found.low < found.value < found.high
    same = mean_intervals([runs[0]] * 5, replicates=200)["accuracy"]
    assert same == pytest.approx(alone[0])
    assert mean_intervals([runs[0]], replicates=200)["accuracy"] == alone[0]
