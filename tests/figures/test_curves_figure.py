"""Training curves of several experiments."""

import math
from pathlib import Path

import pytest

from asda.figures.curves_figure import chosen_quantities, draw_curves_of, experiment_names
from asda.files import InputError


def run(*values, lr=True):
    rows = [{"update": 10.0 * n, "train/loss": value} for n, value in enumerate(values, 1)]
    rows.append({"update": 10.0 * len(values), "valid/loss": 0.5, "valid/accuracy": 0.9})
    return rows + [{"update": 10.0, "train/learning_rate": 1e-3}] * lr


def test_names_are_what_tells_the_folders_apart():
    assert experiment_names([Path("exp/finetune")]) == ["finetune"]
    assert experiment_names([Path("exp/a"), Path("exp/b")]) == ["a", "b"]
    folds = [Path(f"egs/x/exp/fold{n}/finetune") for n in (1, 2)]
    assert experiment_names(folds) == ["fold1", "fold2"]
    assert experiment_names([Path("exp/a"), Path("exp/a/b")]) == ["exp/a", "exp/a/b"]


def test_loss_metric_and_learning_rate_are_drawn_unless_others_are_wanted():
    runs = [run(1.0), run(2.0, lr=False)]
    assert chosen_quantities(runs, []) == ["loss", "accuracy", "learning_rate"]
    assert chosen_quantities(runs, ["accuracy"]) == ["accuracy"]
    with pytest.raises(InputError, match="no run has reported 'mAP'; there are accuracy, lea"):
        chosen_quantities(runs, ["mAP"])


def test_each_curve_has_its_own_line_style_and_its_name():
    figure = draw_curves_of({"one": run(3.0, 2.0), "two": run(1.0)}, ["loss", "accuracy"], "title")
    loss, accuracy = figure.axes
    train = [line for line in loss.lines if line.get_marker() == "None"]
    assert [line.get_ydata().tolist() for line in train] == [[3.0, 2.0], [1.0]]
    assert len({line.get_linestyle() for line in train}) == 2
    valid = [line.get_marker() for line in loss.lines if line not in train]
    assert len(set(valid)) == 2
    assert {text.get_text() for text in loss.texts} == {
        "one, train",
        "one, valid",
        "two, train",
        "two, valid",
    }
    assert [text.get_text() for text in accuracy.texts] == ["one, valid", "two, valid"]
    assert accuracy.get_xlabel() == "update"


def test_losses_of_different_size_get_a_logarithmic_axis_and_nan_is_left_out():
    (axes,) = draw_curves_of({"a": run(100.0, math.nan), "b": run(1.0)}, ["loss"], "").axes
    assert axes.get_yscale() == "log"
    assert {text.get_text() for text in axes.texts} == {"a, valid", "b, train", "b, valid"}
    (axes,) = draw_curves_of({"a": run(2.0)}, ["loss"], "").axes
    assert axes.get_yscale() == "linear"
    assert [text.get_text() for text in axes.texts] == ["train", "valid"]
