"""Results of several experiments: listed, merged over folds, compared on the same clips."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scoring.systems import multi_label, rows, score_folder, single_label

from asda.cli import main
from asda.files import InputError
from asda.scoring.compare import Comparison, find_results, read_groups, read_result
from asda.scoring.folds import merge_folds
from asda.scoring.intervals import intervals, paired_differences
from asda.scoring.metrics import ClassificationMetrics, measure
from asda.scoring.predictions import ScoredClips


@pytest.fixture(scope="module")
def exp(tmp_path_factory):
    """Three systems on one test set, two folds of another, and one result of several labels."""
    root = tmp_path_factory.mktemp("exp")
    for name, signal in (("weak", 0.2), ("strong", 3.0), ("middle", 1.2)):
        score_folder(root / name / "score", single_label(signal=signal))
    for fold in (1, 2):
        scored = single_label(clips=40 * fold, first=1000 * fold)
        facts = {"data": "data/all", "seed": fold}
        score_folder(root / f"fold{fold}" / "score", scored, expected=99, provenance=facts)
    merge_folds([root / f"fold{fold}/score" for fold in (1, 2)], root / "folds/score")
    score_folder(root / "tags" / "score", multi_label())
    return root


def metrics_of(folder):
    scored = ScoredClips.load(folder)
    return ClassificationMetrics(scored.scores, scored.targets)


def error_of(capsys, *words):
    """Return the one line that a refused call prints."""
    with pytest.raises(SystemExit) as exit:
        main([str(word) for word in words])
    assert exit.value.code == 1
    found = capsys.readouterr()
    assert found.out == ""
    assert found.err.count("\n") == 1
    return found.err


def test_without_validation_results_the_list_has_the_best_first(exp, capsys):
    main(["results", "list", str(exp)])
    header, *found = rows(capsys.readouterr().out)
    titles = ["experiment", "set", "valid", "result [95 % interval]", "clips", "updates", "date"]
    assert header == titles
    assert {row[2] for row in found} == {"–"}
    names = [row[0] for row in found]
    accuracies = [measure_accuracy(exp / name / "score") for name in names[:-1]]
    assert set(names) == {"weak", "strong", "middle", "folds", "tags"}
    assert accuracies == sorted(accuracies, reverse=True)
    assert names[0] == "strong" and names[-1] == "tags"  # another metric comes after
    assert found[0][3].startswith(f"accuracy % {100 * accuracies[0]:.1f} [")
    assert found[-1][3].startswith("mAP % ")
    assert found[0][4] == "60"


@pytest.fixture
def validated(tmp_path):
    """Systems whose order on the validation set is not that on the test set."""
    systems = {"best": 0.2, "second": 3.0, "unknown": 4.0, "other": 3.5}
    values = {"best": 0.95, "second": 0.9, "other": 0.99}
    for name, signal in systems.items():
        metric = "mAP" if name == "other" else "accuracy"
        found = {"data": "data/valid", "metric": metric, "value": values.get(name)}
        more = {"validation": found} if name in values else {}
        score_folder(tmp_path / name / "score", single_label(signal=signal), **more)
    return tmp_path


def test_the_list_is_sorted_by_the_validation_result(validated, capsys):
    """A system without one, or with that of another metric, comes after."""
    main(["results", "list", str(validated)])
    found = rows(capsys.readouterr().out)[1:]
    shown = [(row[0], row[2]) for row in found]
    others = [("unknown", "–"), ("other", "mAP % 99.0")]
    assert shown == [("best", "95.0"), ("second", "90.0"), *others]
    accuracies = [measure_accuracy(validated / row[0] / "score") for row in found]
    assert accuracies[0] < accuracies[1] < accuracies[2]


def test_the_page_says_the_validation_result(validated):
    page = (validated / "best/score/RESULTS.md").read_text(encoding="utf-8")
    assert ["validation result", "accuracy % 95.0 on data/valid"] in rows(page.split("Origin")[1])


def test_merged_folds_have_the_mean_of_their_validation_results(tmp_path):
    for fold, value in ((1, 0.5), (2, 0.8)):
        validation = {"data": f"data/fold{fold}/valid", "metric": "accuracy", "value": value}
        scored = single_label(first=1000 * fold)
        score_folder(tmp_path / f"fold{fold}/score", scored, validation=validation)
    folds = [tmp_path / f"fold{fold}" for fold in (1, 2)]
    found = merge_folds(folds, tmp_path / "all/score")["validation"]
    assert found == {"data": None, "metric": "accuracy", "value": pytest.approx(0.65)}
    score_folder(folds[1] / "score", single_label(first=2000))
    assert merge_folds(folds, tmp_path / "all/score")["validation"] is None


def measure_accuracy(folder):
    return read_result(folder)["metrics"]["accuracy"]["value"]


def test_the_list_by_another_metric_is_sorted_by_it(exp, capsys):
    main(["results", "list", str(exp), "--metric", "AUC", "--folds"])
    found = rows(capsys.readouterr().out)[1:]
    values = [float(row[3].split()[1]) for row in found]
    assert len(found) == 7
    assert values == sorted(values, reverse=True)
    main(["results", "list", str(exp), "--metric", "accuracy"])
    assert "tags" not in capsys.readouterr().out


def test_folds_are_listed_when_asked_for(exp):
    merged = {folder.relative_to(exp).parts[0] for folder in find_results(exp)}
    everything = {folder.relative_to(exp).parts[0] for folder in find_results(exp, True)}
    assert everything - merged == {"fold1", "fold2"}


@pytest.mark.slow
def test_show_results_lists_the_experiments_of_a_recipe(exp, repository):
    done = subprocess.run(
        [repository / "utils/show_results.sh", exp.name],
        cwd=exp.parent,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert [row[0] for row in rows(done.stdout)[1:3]] == ["strong", "middle"]


def test_a_folder_without_results_is_refused(tmp_path, capsys):
    assert "no such folder" in error_of(capsys, "results", "list", tmp_path / "nowhere")
    assert "no results below it" in error_of(capsys, "results", "list", tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"metrics": 3}'])
def test_a_file_that_is_no_result_is_named(tmp_path, capsys, content):
    (tmp_path / "result.json").write_text(content)
    error = error_of(capsys, "results", "list", tmp_path)
    assert f"{tmp_path}/result.json" in error


def without_calibration(folder):
    """Return result.json of a score folder as it was before calibration was measured."""
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    for entry in ("metrics", "metric_info"):
        del result[entry]["ECE"]
    del result["reliability"], result["thresholds"]
    return result


def as_once_written(folder, copy):
    """Copy a score folder in the form of before other kinds of scores existed."""
    copy.mkdir(parents=True)
    result = without_calibration(folder)
    del result["kind"], result["metric_info"]
    names = {"true": "truth", "predicted": "guess", "fraction": "share"}
    result["confusions"] = [
        {names.get(key, key): value for key, value in pair.items()} for pair in result["confusions"]
    ]
    (copy / "result.json").write_text(json.dumps(result), encoding="utf-8")
    with np.load(folder / "scores.npz") as arrays:
        np.savez(copy / "scores.npz", **{n: arrays[n] for n in arrays if n != "kind"})
    return copy


def test_results_of_before_are_read(exp, tmp_path, capsys):
    names = ("weak", "strong", "fold1", "fold2", "tags")
    old = {n: as_once_written(exp / n / "score", tmp_path / n / "score") for n in names}
    for name, folder in old.items():
        assert read_result(folder) == without_calibration(exp / name / "score")
    main(["results", "list", str(tmp_path)])
    assert [row[0] for row in rows(capsys.readouterr().out)][1] == "strong"
    differences = Comparison(old["weak"]).differences(old["strong"])
    assert differences == Comparison(exp / "weak/score").differences(exp / "strong/score")
    merged = merge_folds([old["fold1"], old["fold2"]], tmp_path / "all/score")
    assert merged["metrics"] == read_result(exp / "folds/score")["metrics"]


def test_merged_folds_are_measured_as_one_set(exp):
    result = read_result(exp / "folds/score")
    parts = [ScoredClips.load(exp / f"fold{fold}/score") for fold in (1, 2)]
    scores = np.concatenate([part.scores for part in parts])
    targets = np.concatenate([part.targets for part in parts])
    for name, interval in intervals(ClassificationMetrics(scores, targets)).items():
        assert result["metrics"][name] == interval._asdict()
    assert result["clips"] == {"found": 120, "expected": 198}
    pooled = ScoredClips.load(exp / "folds/score")
    assert list(pooled.utterances) == [*parts[0].utterances, *parts[1].utterances]


def test_merged_folds_have_mean_and_std(exp):
    result = read_result(exp / "folds/score")
    folds = [read_result(exp / f"fold{fold}/score") for fold in (1, 2)]
    for name in ("accuracy", "mAP", "AUC", "d_prime"):
        values = [fold["metrics"][name]["value"] for fold in folds]
        found = result["over_folds"][name]
        assert found["mean"] == pytest.approx(np.mean(values))
        assert found["std"] == pytest.approx(abs(values[0] - values[1]) / np.sqrt(2))
    assert result["over_folds"]["mAP"]["mean"] != result["metrics"]["mAP"]["value"]
    for fold, listed in zip(folds, result["folds"], strict=True):
        assert listed["metrics"] == fold["metrics"]
        assert (exp / "folds/score" / listed["folder"] / "result.json").is_file()


def test_merged_folds_keep_the_facts_they_share(exp):
    facts = read_result(exp / "folds/score")["provenance"]
    assert facts == {"data": "data/all", "updates": 100}


def test_the_page_of_merged_folds_lists_them(exp):
    page = (exp / "folds/score/RESULTS.md").read_text(encoding="utf-8")
    table = rows(page.split("## Folds")[1].split("\n##")[0])
    titles = ["../../fold1/score", "../../fold2/score", "mean of folds", "std of folds"]
    assert [row[0] for row in table[1:]] == [*titles, "all clips pooled"]
    assert [row[1] for row in table[1:]] == ["40 of 99", "80 of 99", "", "", "120 of 198"]


def test_folds_of_before_calibration_was_measured_are_merged(exp, tmp_path):
    folders = [tmp_path / f"fold{fold}/score" for fold in (1, 2)]
    for fold, folder in enumerate(folders, 1):
        shutil.copytree(exp / f"fold{fold}/score", folder)
        (folder / "result.json").write_text(json.dumps(without_calibration(folder)))
    result = merge_folds(folders, tmp_path / "all/score")
    assert result["metrics"] == read_result(exp / "folds/score")["metrics"]
    page = (tmp_path / "all/score/RESULTS.md").read_text(encoding="utf-8")
    titles, *_ = rows(page.split("## Folds")[1].split("\n##")[0])
    assert titles == ["fold", "clips", "accuracy %", "mAP %", "AUC", "d′"]


def test_merge_writes_and_says_the_result(exp, tmp_path, capsys):
    folds = [str(exp / f"fold{fold}/score") for fold in (1, 2)]
    main(["results", "merge", *folds, "--out", str(tmp_path / "all"), "--metric", "AUC"])
    result = read_result(tmp_path / "all")
    assert result["metric"] == "AUC"
    said = capsys.readouterr().out
    assert f"AUC {result['metrics']['AUC']['value']:.3f} [" in said
    assert f"mean of 2 folds {result['over_folds']['AUC']['mean']:.3f}" in said


def test_merge_draws_groups(exp, tmp_path):
    folder = exp / "fold1/score"
    utterances = ScoredClips.load(folder).utterances
    lines = [f"{utterance} spk{row // 8}" for row, utterance in enumerate(utterances)]
    (tmp_path / "utt2spk").write_text("\n".join(lines) + "\n")
    words = [folder, "--out", tmp_path / "one", "--groups", tmp_path / "utt2spk"]
    main(["results", "merge", *map(str, words)])
    result = read_result(tmp_path / "one")
    expected = intervals(metrics_of(folder), np.arange(40) // 8)["accuracy"]
    assert result["metrics"]["accuracy"] == expected._asdict()
    assert result["over_folds"]["accuracy"]["std"] is None


def test_folds_that_share_clips_are_refused(exp, tmp_path, capsys):
    words = [exp / "weak/score", exp / "strong/score", "--out", tmp_path / "all"]
    error = error_of(capsys, "results", "merge", *words)
    assert "60 clips are in more than one of" in error and "first: utt0000" in error
    assert not (tmp_path / "all").exists()


def test_a_fold_is_not_overwritten_by_all(exp, capsys):
    words = [exp / "fold1/score", exp / "fold2/score", "--out", exp / "fold1/score"]
    before = (exp / "fold1/score/result.json").read_bytes()
    assert "is one of the folds" in error_of(capsys, "results", "merge", *words)
    assert (exp / "fold1/score/result.json").read_bytes() == before


def test_folds_of_other_labels_are_refused(exp, tmp_path, capsys):
    words = [exp / "fold1/score", exp / "tags/score", "--out", tmp_path / "all"]
    assert "its label list differs" in error_of(capsys, "results", "merge", *words)


def test_folds_may_differ_in_having_clips_of_several_labels(tmp_path):
    single, several = single_label(classes=5), multi_label(first=1000)
    parts = [
        score_folder(tmp_path / name / "score", part)
        for name, part in (("single", single), ("several", several))
    ]
    for order in (parts, parts[::-1]):
        result = merge_folds(order, tmp_path / "all/score")
        assert result["metric"] == "mAP"
        assert set(result["over_folds"]) == {"mAP", "AUC", "d_prime", "ECE"}


def test_a_difference_is_that_of_the_paired_bootstrap(exp):
    found = Comparison(exp / "weak/score").differences(exp / "strong/score")
    weak, strong = (metrics_of(exp / name / "score") for name in ("weak", "strong"))
    expected = paired_differences([weak], [strong])
    assert found == expected
    assert found["accuracy"].low > 0


def test_clips_in_another_order_compare_the_same(exp, tmp_path):
    scored = single_label(signal=1.2)
    order = np.random.default_rng(0).permutation(len(scored.scores))
    for name in ("utterances", "scores", "targets"):
        setattr(scored, name, getattr(scored, name)[order])
    other = score_folder(tmp_path / "other", scored)
    comparison = Comparison(exp / "weak/score")
    assert comparison.differences(other) == comparison.differences(exp / "middle/score")


def test_compare_prints_differences_with_a_star_if_they_are_clear(exp, capsys):
    folders = [str(exp / name / "score") for name in ("middle", "strong", "middle")]
    main(["results", "compare", *folders])
    header, first, better, same = rows(capsys.readouterr().out)
    assert header[1] == "accuracy % [95 %]"
    assert first[2] == ""
    change = measure_accuracy(exp / "strong/score") - measure_accuracy(exp / "middle/score")
    assert better[2].startswith(f"+{100 * change:.1f} [+") and better[2].endswith("] *")
    assert same[2] == "+0.0 [+0.0, +0.0]"


@pytest.mark.parametrize("verb", ["compare", "table"])
def test_differences_draw_groups(exp, tmp_path, capsys, verb):
    folders = [exp / name / "score" for name in ("weak", "middle")]
    speakers = np.arange(60) % 6 // 4
    lines = [f"utt{row:04d} spk{speaker}\n" for row, speaker in enumerate(speakers)]
    (tmp_path / "utt2spk").write_text("".join(lines))
    systems = {
        "compare": folders,
        "table": [exp / "{row}/{column}", "--rows", "weak", "middle", "--columns", "score"],
    }
    words = map(str, ["results", verb, *systems[verb], "--groups", tmp_path / "utt2spk"])
    main([*words])
    shown = rows(capsys.readouterr().out)[2][-1]
    weak, middle = ([metrics_of(folder)] for folder in folders)
    for groups, expected in ((speakers, True), (None, False)):
        ends = paired_differences(weak, middle, groups)["accuracy"][1:]
        low, high = (f"{100 * end:+.1f}" for end in ends)
        assert (f"[{low}, {high}]" in shown) == expected


def test_experiments_stand_for_their_only_score_folder(exp, tmp_path, capsys):
    names = ("middle", "strong")
    main(["results", "compare", *(str(exp / name) for name in names)])
    short = capsys.readouterr().out
    main(["results", "compare", *(str(exp / name / "score") for name in names)])
    assert capsys.readouterr().out == short
    assert [row[0] for row in rows(short)[1:]] == [str(exp / name) for name in names]
    words = ["--rows", "weak", "strong", "--columns", exp.name]
    main(["results", "table", str(exp.parent / "{column}/{row}"), *words])
    assert "–" not in [cell for row in rows(capsys.readouterr().out) for cell in row]
    for name in ("score_a", "score_b"):
        score_folder(tmp_path / name, single_label())
    error = error_of(capsys, "results", "compare", exp / "weak", tmp_path)
    assert (
        f"{tmp_path}: 2 scores (of other sets or decodings); give one of {tmp_path}/score_a"
        in error
    )


def test_systems_are_compared_on_the_clips_that_they_have_in_common(exp, tmp_path, capsys):
    whole = single_label(signal=3.0)
    part = whole.select(np.r_[0, 5:60])
    part.utterances[0] = "only here"
    score_folder(tmp_path / "part/score", part)
    folders = [exp / "weak", tmp_path / "part"]
    assert "--common leaves these out" in error_of(capsys, "results", "compare", *folders)
    main(["results", "compare", "--common", *map(str, folders)])
    text = capsys.readouterr().out
    weak, strong = (
        ClassificationMetrics(s.scores[5:], s.targets[5:])
        for s in (single_label(signal=0.2), whole)
    )
    value, low, high = (f"{100 * v:.1f}" for v in intervals(weak)["accuracy"])
    change = paired_differences([weak], [strong])["accuracy"]
    first, second = rows(text)[1:]
    assert first[1] == f"{value} [{low}, {high}]"
    assert second[2] == "{:+.1f} [{:+.1f}, {:+.1f}] *".format(*(100 * end for end in change))
    assert "on the 55 clips that all systems have" in text
    error = error_of(capsys, "results", "compare", "--common", exp / "weak", exp / "fold1")
    assert "no clip was scored in all of" in error


def test_tables_as_tab_separated_values(exp, capsys):
    main(["results", "list", str(exp), "--tsv"])
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    main(["results", "list", str(exp)])
    assert lines == rows(capsys.readouterr().out)


def other_clips(scored):
    return ScoredClips(
        np.char.replace(scored.utterances, "utt0000", "new"),
        *(scored.scores, scored.targets, scored.labels),
    )


def other_labels(scored):
    return ScoredClips(scored.utterances, scored.scores, scored.targets, scored.labels[::-1])


def other_truth(scored):
    truth = scored.targets.copy()
    truth[7] = np.roll(truth[7], 1)
    return ScoredClips(scored.utterances, scored.scores, truth, scored.labels)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (other_clips, r"not the same clips: 1 clips only in .*\(first: utt0000\), 1 .*first: new"),
        (other_labels, "its label list differs from that of"),
        (other_truth, r"disagree on the truth of 1 clips \(first: utt0007\)"),
    ],
)
def test_systems_on_other_clips_labels_or_truth_are_not_compared(exp, tmp_path, change, message):
    change(single_label()).save(tmp_path)
    with pytest.raises(InputError, match=message):
        Comparison(exp / "weak/score").differences(tmp_path)


def test_a_table_of_systems_and_tasks(exp, tmp_path, capsys):
    for row, name in (("a", "weak"), ("b", "strong")):
        folder = tmp_path / "digits" / row
        folder.mkdir(parents=True)
        (folder / "score").symlink_to(exp / name / "score")
    (tmp_path / "tags/b").mkdir(parents=True)
    (tmp_path / "tags/b/score").symlink_to(exp / "tags/score")
    pattern = str(tmp_path / "{column}/{row}/score")
    names = ["--rows", "Baseline=a", "b", "--columns", "Digits=digits", "tags"]
    main(["results", "table", pattern, *names])
    header, first, second = rows(capsys.readouterr().out)
    assert header == ["", "Digits", "tags"]
    assert first[0] == "Baseline" and second[0] == "b"
    weak, strong = (measure_accuracy(exp / name / "score") for name in ("weak", "strong"))
    assert first[1].startswith(f"{100 * weak:.1f} [") and ";" not in first[1]
    assert second[1].startswith(f"{100 * strong:.1f} [")
    assert f"; +{100 * (strong - weak):.1f} [" in second[1] and second[1].endswith("*")
    assert first[2] == "–"
    tags = multi_label()
    value = 100 * measure(tags.scores, tags.targets)["mAP"]
    assert second[2].startswith(f"{value:.1f} [") and ";" not in second[2]


@pytest.mark.parametrize("options", [[], ["--tsv"]])
def test_a_table_in_a_file_is_not_made_to_fit_a_terminal(
    exp, tmp_path, capsys, monkeypatch, options
):
    pattern, out = str(exp / "{row}/{column}"), tmp_path / "tables/table.md"
    words = [pattern, "--rows", "weak", "strong", "--columns", "A=score", "B=score", *options]
    main(["results", "table", *words, "--out", str(out)])
    assert out.read_text() == capsys.readouterr().out
    whole = out.read_text()
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "40")
    main(["results", "table", *words, "--out", str(out)])
    assert out.read_text() == whole
    assert (capsys.readouterr().out == whole) == bool(options)


@pytest.mark.slow
def test_a_table_of_means_over_runs(tmp_path, capsys):
    signals = {"base": (0.2, 0.5), "new": (3.0, 2.5), "begun": (1.0,)}
    for name, each in signals.items():
        for run, signal in enumerate(each):
            score_folder(tmp_path / f"seed{run}/{name}", single_label(signal=signal))
    pattern = str(tmp_path / "{run}/{row}")
    words = ["--rows", *signals, "--columns", "Digits=digits", "--runs", "seed0", "seed1"]
    main(["results", "table", pattern, *words])
    text = capsys.readouterr().out
    folders = {name: [tmp_path / f"seed{run}/{name}" for run in (0, 1)] for name in signals}
    base, new = ([measure_accuracy(f) for f in folders[name]] for name in ("base", "new"))
    _, first, second, third = rows(text)
    assert first[1] == f"{100 * np.mean(base):.1f} ± {100 * np.std(base, ddof=1):.1f}"
    expected = paired_differences(*([metrics_of(f) for f in folders[n]] for n in ("base", "new")))
    low, high = (f"{100 * end:+.1f}" for end in expected["accuracy"][1:])
    change = 100 * (np.mean(new) - np.mean(base))
    assert second[1].endswith(f"; {change:+.1f} [{low}, {high}] *")
    assert third[1] == "–"
    assert "mean ± standard deviation of 2 runs; difference from base" in text


def test_one_run_has_its_interval(tmp_path, capsys):
    score_folder(tmp_path / "seed3/base", single_label(signal=1.0))
    words = ["--rows", "base", "--columns", "digits", "--runs", "seed3"]
    main(["results", "table", str(tmp_path / "{run}/{row}"), *words])
    text = capsys.readouterr().out
    found = read_result(tmp_path / "seed3/base")["metrics"]["accuracy"]
    value, low, high = (f"{100 * found[key]:.1f}" for key in ("value", "low", "high"))
    assert rows(text)[1][1] == f"{value} [{low}, {high}]"
    assert "value [95 % interval]" in text and "±" not in text


@pytest.mark.parametrize("runs", [[], ["--runs", "seed0", "seed1"]])
def test_a_table_of_nothing_is_refused(tmp_path, capsys, runs):
    """Only one of the two runs is scored, so that the cell is empty."""
    pattern = str(tmp_path / ("{run}/{row}" if runs else "{column}/{row}"))
    score_folder(tmp_path / "seed0/a", single_label(signal=1.0))
    words = [pattern, "--rows", "First=a", "b", "--columns", "Digits=c", *runs]
    error = error_of(capsys, "results", "table", *words)
    assert f"no result in '{pattern}' for any of the rows First=a, b and columns Digits=c" in error


@pytest.mark.parametrize(("pattern", "runs"), [("{row}/{run}", []), ("{row}", ["--runs", "seed1"])])
def test_runs_are_in_the_pattern_and_named(tmp_path, capsys, pattern, runs):
    error = error_of(capsys, "results", "table", pattern, "--rows", "a", "--columns", "b", *runs)
    assert "{run} and --runs belong together" in error


def test_a_difference_that_is_undefined_is_a_dash(tmp_path, capsys):
    scored = single_label(clips=10, classes=1)
    folders = [str(score_folder(tmp_path / name, scored)) for name in "ab"]
    main(["results", "compare", *folders, "--metric", "AUC"])
    assert rows(capsys.readouterr().out)[2][1:] == ["– [–, –]", "– [–, –]"]


def test_differences_of_functions_of_metrics_are_refused(exp, capsys):
    """d' is a function of the AUC; the difference of its values is no difference of a metric."""
    words = [exp / "weak/score", exp / "strong/score", "--metric", "d_prime"]
    error = error_of(capsys, "results", "compare", *words)
    assert "differences of d_prime are not measured, only those of accuracy, mAP, AUC" in error


def test_a_list_of_a_metric_that_no_result_has_is_refused(exp, capsys):
    error = error_of(capsys, "results", "list", exp, "--metric", "WER")
    assert f"{exp}: no result below it has the metric WER" in error


def test_a_metric_that_a_result_lacks_is_refused(exp, capsys):
    words = [exp / "tags/score", exp / "tags/score", "--metric", "accuracy"]
    error = error_of(capsys, "results", "compare", *words)
    assert "no metric accuracy; there are mAP, AUC" in error


def test_folders_that_were_not_scored_are_refused(exp, tmp_path, capsys):
    (tmp_path / "file").touch()
    for other in (tmp_path, tmp_path / "file"):
        words = [exp / "weak/score", other]
        assert "score the model first" in error_of(capsys, "results", "compare", *words)


def test_groups_of_utterances(tmp_path):
    table = tmp_path / "utt2spk"
    table.write_text("a ann\nb bob\nc ann\nd dan\n")
    assert read_groups(table, np.array(["c", "b", "a"])).tolist() == [0, 1, 0]
    with pytest.raises(InputError, match=r"no group for 2 clips \(first: x\)"):
        read_groups(table, np.array(["a", "x", "y"]))
    table.write_text("a ann\nb bob extra\n")
    with pytest.raises(InputError, match=r"utt2spk:2: expected 'utterance group'"):
        read_groups(table, np.array(["a"]))


def test_results_are_ranked_by_what_differences_are_measured_of(tmp_path):
    """d' is a function of the AUC; to rank by it is to rank by the AUC."""
    with pytest.raises(InputError, match="no metric d_prime"):
        score_folder(tmp_path, single_label(), metric="d_prime")


def test_result_json_is_the_last_file_written(tmp_path, monkeypatch):
    monkeypatch.setattr("asda.scoring.result_files.results_page", lambda *parts: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        score_folder(tmp_path, single_label())
    assert (tmp_path / "scores.npz").exists()
    assert not (tmp_path / "result.json").exists()
