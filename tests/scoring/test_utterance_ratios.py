"""Error rates and mean errors get intervals, groups, runs, folds and tables like any metric."""

import json

import numpy as np
import pytest
from scoring.systems import rows, score_folder, single_label

from asda.cli import main
from asda.files import InputError
from asda.scoring.compare import Comparison, find_results, read_result
from asda.scoring.folds import merge_folds
from asda.scoring.intervals import bootstrap_weights, intervals, paired_differences
from asda.scoring.measurable import Metric
from asda.scoring.result_files import write_results
from asda.scoring.score_kinds import read_scores
from asda.scoring.utterance_ratios import Ratio, UtteranceRatios

WER = Metric(title="WER %", higher_is_better=False, low=0, factor=100, digits=1)
DELAY = Metric(title="delay (s)", higher_is_better=False, digits=2)


def recognised(rate=0.3, clips=50, first=0, seed=0):
    """Return word errors, which occur at a rate, and signed delays of transcripts of clips."""
    rng = np.random.default_rng((first, clips))
    words = rng.integers(1, 12, clips)
    texts = np.array([" ".join(["word"] * count) for count in words])
    rng = np.random.default_rng((seed, first))
    errors = rng.poisson(rate * words)
    ratios = {
        "WER": Ratio(errors, words, WER),
        "delay": Ratio(rng.normal(rate, 1, clips), 1, DELAY),
    }
    names = np.array([f"utt{first + row:04d}" for row in range(clips)])
    return UtteranceRatios(names, texts, ratios)


def error_rate(scored, clips=slice(None)):
    """Return the word error rate of some clips, a clip repeated as often as it is named."""
    ratio = scored.ratios["WER"]
    return ratio.numerators[clips].sum() / ratio.denominators[clips].sum()


def redrawn_rates(scored, groups=None):
    """Return the word error rate of each bootstrap replicate, from a loop over clips."""
    rates = []
    for weights in np.hstack(list(bootstrap_weights(len(scored), groups))).T:
        rates.append(error_rate(scored, np.repeat(np.arange(len(scored)), weights.astype(int))))
    return np.array(rates)


def expected_interval(value, replicates):
    return np.quantile(replicates, [0.025, 0.975]) - 2 * (replicates.mean() - value)


SPEAKERS = np.arange(50) // 5


@pytest.mark.parametrize("groups", [None, SPEAKERS])
def test_intervals_are_those_of_a_loop_over_redrawn_clips(groups):
    scored = recognised()
    found = intervals(scored.measurable(), groups)
    assert list(found) == ["WER", "delay"]
    assert found["WER"].value == error_rate(scored)
    expected = expected_interval(error_rate(scored), redrawn_rates(scored, groups))
    np.testing.assert_allclose(found["WER"][1:], expected, rtol=1e-12)
    assert found["delay"].value == pytest.approx(scored.ratios["delay"].numerators.mean())


def test_intervals_are_clipped_to_the_range_of_each_metric():
    """An error rate can exceed 1 but is never negative; a delay can be negative."""
    signed = np.array([-1.0, 2.0, -3.0, 4.0])
    metrics = {"error": WER, "delay": DELAY}
    ratios = {name: Ratio(signed, 1, metric) for name, metric in metrics.items()}
    found = intervals(UtteranceRatios(list("abcd"), list("abcd"), ratios).measurable())
    assert found["delay"].low < found["error"].low == 0
    assert found["delay"].high == found["error"].high
    found = intervals(recognised(rate=1.5).measurable())
    assert found["WER"].value > 1 and found["WER"].high > found["WER"].value


@pytest.mark.parametrize("groups", [None, SPEAKERS])
def test_differences_are_those_of_a_loop_over_the_same_redrawn_clips(groups):
    first, second = recognised(0.4), recognised(0.2, seed=1)
    found = paired_differences([first.measurable()], [second.measurable()], groups)["WER"]
    change = error_rate(second) - error_rate(first)
    assert found.value == change
    replicates = redrawn_rates(second, groups) - redrawn_rates(first, groups)
    np.testing.assert_allclose(found[1:], expected_interval(change, replicates), rtol=1e-12)
    assert found.high < 0


def test_a_ratio_without_denominators_is_undefined():
    scored = UtteranceRatios(["a", "b"], ["", ""], {"WER": Ratio([1, 0], [0, 0], WER)})
    assert np.isnan(intervals(scored.measurable())["WER"]).all()


@pytest.fixture(scope="module")
def exp(tmp_path_factory):
    """Two systems with two seeds each on one test set, and two folds of a third."""
    root = tmp_path_factory.mktemp("exp")
    for system, rate in (("good", 0.1), ("bad", 0.5)):
        for seed in (1, 2):
            scored = recognised(rate, seed=seed)
            score_folder(root / f"seed{seed}" / system / "score", scored, expected=50)
    for fold in (1, 2):
        scored = recognised(clips=20 * fold, first=1000 * fold)
        score_folder(root / f"fold{fold}" / "score", scored, expected=20 * fold)
    (root / "utt2spk").write_text("".join(f"utt{row:04d} spk{row // 5}\n" for row in range(50)))
    return root


def test_a_result_folder_holds_metrics_and_their_description(exp):
    folder = exp / "seed1/good/score"
    assert {path.name for path in folder.iterdir()} == {"scores.npz", "RESULTS.md", "result.json"}
    result = json.loads((folder / "result.json").read_text())
    rate = error_rate(recognised(0.1, seed=1))
    assert result["kind"] == "ratios"
    assert result["metric"] == "WER"
    assert result["metrics"]["WER"]["value"] == rate
    assert result["metric_info"]["WER"]["title"] == "WER %"
    assert result["clips"] == {"found": 50, "expected": 50}
    page = (folder / "RESULTS.md").read_text(encoding="utf-8")
    assert f"**WER % {100 * rate:.1f} [" in page and "** on 50 clips (95% interval)" in page
    assert "| delay (s) | " in page


def test_what_is_saved_is_read(exp):
    scored = recognised(0.1, seed=1)
    found = read_scores(exp / "seed1/good/score")
    assert isinstance(found, UtteranceRatios)
    np.testing.assert_array_equal(found.utterances, scored.utterances)
    np.testing.assert_array_equal(found.true, scored.true)
    for name, ratio in scored.ratios.items():
        assert found.ratios[name].metric == ratio.metric
        np.testing.assert_array_equal(found.ratios[name].numerators, ratio.numerators)
        assert (found.ratios[name].denominators == ratio.denominators).all()


def test_the_list_has_the_lowest_error_rate_first(exp, capsys):
    main(["results", "list", str(exp)])
    found = rows(capsys.readouterr().out)[1:]
    rates = [float(row[3].split()[2]) for row in found]
    assert all(row[3].startswith("WER % ") for row in found)
    assert len(rates) == 6 and rates == sorted(rates)
    assert found[0][0].endswith("good") and found[-1][0].endswith("bad")
    main(["results", "list", str(exp), "--metric", "delay"])
    assert "delay (s) " in capsys.readouterr().out


def test_folds_are_pooled(exp, tmp_path, capsys):
    folders = [exp / f"fold{fold}/score" for fold in (1, 2)]
    main(["results", "merge", *map(str, folders), "--out", str(tmp_path / "all/score")])
    parts = [recognised(clips=20 * fold, first=1000 * fold) for fold in (1, 2)]
    errors, words = (
        sum(getattr(part.ratios["WER"], name).sum() for part in parts)
        for name in ("numerators", "denominators")
    )
    result = read_result(tmp_path / "all/score")
    assert result["metrics"]["WER"]["value"] == errors / words
    mean = np.mean([error_rate(part) for part in parts])
    assert result["over_folds"]["WER"]["mean"] == pytest.approx(mean)
    assert result["clips"] == {"found": 60, "expected": 60}
    said = capsys.readouterr().out
    assert f"WER % {100 * errors / words:.1f} [" in said
    assert f"mean of 2 folds {100 * mean:.1f}" in said
    page = (tmp_path / "all/score/RESULTS.md").read_text(encoding="utf-8")
    assert "| all clips pooled" in page and "| std of folds" in page
    assert len(find_results(tmp_path)) == 1


def test_systems_are_compared_and_groups_drawn(exp, capsys):
    folders = [exp / f"seed1/{name}/score" for name in ("bad", "good")]
    groups = ["--groups", str(exp / "utt2spk")]
    main(["results", "compare", *map(str, folders), *groups])
    header, first, second = rows(capsys.readouterr().out)
    bad, good = recognised(0.5, seed=1), recognised(0.1, seed=1)
    change = 100 * (error_rate(good) - error_rate(bad))
    replicates = 100 * (redrawn_rates(good, SPEAKERS) - redrawn_rates(bad, SPEAKERS))
    low, high = expected_interval(change, replicates)
    assert header[1] == "WER % [95 %]"
    assert first[1].startswith(f"{100 * error_rate(bad):.1f} [")
    assert second[2] == f"{change:+.1f} [{low:+.1f}, {high:+.1f}] *"


def test_a_table_of_means_over_seeds(exp, capsys):
    pattern = str(exp / "{run}/{row}/{column}")
    words = ["--rows", "Bad=bad", "good", "--columns", "Test=score", "--runs", "seed1", "seed2"]
    main(["results", "table", pattern, *words])
    _, first, second = rows(capsys.readouterr().out)
    bad, good = ([recognised(rate, seed=seed) for seed in (1, 2)] for rate in (0.5, 0.1))
    rates = [100 * error_rate(scored) for scored in bad]
    assert first[1] == f"{np.mean(rates):.1f} ± {np.std(rates, ddof=1):.1f}"
    expected = paired_differences(
        [scored.measurable() for scored in bad], [scored.measurable() for scored in good]
    )["WER"]
    value, low, high = (f"{100 * end:+.1f}" for end in expected)
    assert second[1].endswith(f"; {value} [{low}, {high}] *")


def test_clips_in_another_order_compare_the_same(exp, tmp_path):
    scored = recognised(0.1, seed=1)
    order = np.random.default_rng(0).permutation(len(scored))
    other = score_folder(tmp_path / "other", scored.select(order))
    comparison = Comparison(exp / "seed1/bad/score")
    expected = comparison.differences(exp / "seed1/good/score")
    for name, interval in comparison.differences(other).items():
        assert interval == pytest.approx(expected[name], abs=1e-12)


def test_systems_with_other_references_are_not_compared(exp, tmp_path):
    scored = recognised(0.1)
    scored.true[3] = "something else"
    score_folder(tmp_path, scored)
    with pytest.raises(InputError, match=r"disagree on the truth of 1 clips \(first: utt0003\)"):
        Comparison(exp / "seed1/bad/score").differences(tmp_path)


def test_numbers_are_another_truth_than_texts(exp, tmp_path):
    scored = recognised(0.1)
    score_folder(tmp_path, UtteranceRatios(scored.utterances, np.arange(50), scored.ratios))
    with pytest.raises(InputError, match="disagree on the truth of 50 clips"):
        Comparison(exp / "seed1/bad/score").differences(tmp_path)


def test_other_metrics_and_other_kinds_are_not_mixed(exp, tmp_path):
    scored = recognised(first=9000)
    ratios = {"CER": scored.ratios["WER"]}
    other = score_folder(tmp_path / "cer", UtteranceRatios(scored.utterances, scored.true, ratios))
    kind = score_folder(tmp_path / "class", single_label())
    first = exp / "fold1/score"
    with pytest.raises(InputError, match="cer: its list of metrics differs from that of"):
        merge_folds([first, other], tmp_path / "all")
    with pytest.raises(InputError, match="class: its scores are of the kind classification, those"):
        merge_folds([first, kind], tmp_path / "all")


def test_mean_errors_of_numbers(tmp_path):
    """The mean absolute error of a regression: its denominators are 1."""
    rng = np.random.default_rng(0)
    true = rng.uniform(1, 10, 30)
    error = np.abs(rng.normal(true, 0.5) - true)
    metric = Metric(title="MAE (s)", higher_is_better=False, low=0, digits=2)
    names = np.array([f"utt{row}" for row in range(30)])
    scored = UtteranceRatios(names, true, {"MAE": Ratio(error, 1, metric)})
    result = write_results(tmp_path, scored, {"data": "data/test"})
    assert result["metrics"]["MAE"]["value"] == pytest.approx(error.mean())
    replicates = [error @ w / w.sum() for w in np.hstack(list(bootstrap_weights(30))).T]
    expected = expected_interval(error.mean(), np.array(replicates))
    found = result["metrics"]["MAE"]
    np.testing.assert_allclose([found["low"], found["high"]], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("numerators", "true", "message"),
    [
        ([1.0, np.nan], ["a", "b"], r"1 clips have numerators .* not finite .*first: u2"),
        ([1.0, 2.0, 3.0], ["a", "b"], "shape"),
        ([1.0, 2.0], ["a"], "2 utterances, but the truth of 1"),
    ],
)
def test_values_that_do_not_fit_are_refused(numerators, true, message):
    with pytest.raises((InputError, ValueError), match=message):
        UtteranceRatios(["u1", "u2"], true, {"WER": Ratio(numerators, 1, WER)})


def test_no_metrics_are_refused():
    with pytest.raises(ValueError, match="give at least one ratio"):
        UtteranceRatios(["u1"], ["a"], {})
