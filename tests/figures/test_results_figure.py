"""Results of systems over tasks in a figure."""

import json
import subprocess

import numpy as np
import pytest
from scoring.systems import score_folder, single_label

from asda.figures.results_figure import draw_results
from asda.scoring.systems_by_task import SystemsByTask


@pytest.fixture(scope="module")
def experiments(tmp_path_factory):
    """Two systems on two tasks with two seeds; one of the systems lacks a task."""
    folder = tmp_path_factory.mktemp("exp")
    for seed in (1, 2):
        for task, signal in (("few", 1.0), ("all", 3.0)):
            score_folder(
                folder / f"seed{seed}/{task}/ours/score", single_label(seed=seed, signal=signal)
            )
        score_folder(folder / f"seed{seed}/all/other/score", single_label(seed=seed + 9))
    return folder


def accuracies(folder, *names):
    return [
        100
        * json.loads((folder / name / "score/result.json").read_text())["metrics"]["accuracy"][
            "value"
        ]
        for name in names
    ]


def test_points_are_means_over_runs_with_their_standard_deviation(experiments):
    pattern = f"{experiments}/{{run}}/{{column}}/{{row}}"
    systems = SystemsByTask(pattern, ["A=ours", "B=other"], ["few", "all"], ["seed1", "seed2"])
    (panel,) = draw_results(systems.points(), "title", 2).axes
    ours, other = panel.containers
    values = [
        accuracies(experiments, f"seed1/{task}/ours", f"seed2/{task}/ours")
        for task in ("few", "all")
    ]
    np.testing.assert_allclose(ours.lines[0].get_ydata(), np.mean(values, axis=1), rtol=1e-6)
    bars = np.array([segment[:, 1] for segment in ours.lines[2][0].get_segments()])
    np.testing.assert_allclose(np.ptp(bars, axis=1), 2 * np.std(values, axis=1, ddof=1), rtol=1e-5)
    assert len(other.lines[0].get_ydata()) == 1  # the missing result is left out
    assert [text.get_text() for text in panel.get_legend().get_texts()] == ["A", "B"]
    assert [text.get_text() for text in panel.get_xticklabels()] == ["few", "all"]
    assert panel.get_ylabel() == "accuracy %\n(mean ± standard deviation of 2 runs)"


def test_a_single_run_has_its_interval(experiments):
    systems = SystemsByTask(f"{experiments}/seed1/{{column}}/{{row}}", ["ours"], ["all"])
    result = json.loads((experiments / "seed1/all/ours/score/result.json").read_text())
    found = result["metrics"]["accuracy"]
    assert systems.points().rows == {"ours": [(found["value"], found["low"], found["high"])]}
    named = SystemsByTask(f"{experiments}/{{run}}/{{column}}/{{row}}", ["ours"], ["all"], ["seed1"])
    assert named.points().rows == systems.points().rows
    (panel,) = draw_results(systems.points(), "title").axes
    assert panel.get_ylabel() == "accuracy %\n(95 % interval)"


def test_the_command_writes_the_figure(experiments, tmp_path):
    command = ["asda", "plot", "results", f"{experiments}/seed1/{{column}}/{{row}}"]
    command += ["--rows", "ours", "--columns", "few", "all", "--out", str(tmp_path / "a.png")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"{tmp_path}/a.png\n"), done.stderr
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
