"""Figures of results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from asda.canvas import new_figure, write_figure

DPI = 100
MOST_NAMED = 120  # With more classes, their names would be too small to read.


def plot_confusion(
    confusion: np.ndarray, labels: Sequence[str], path: str | Path, name: str
) -> None:
    """Write a confusion matrix as PNG: colour = fraction of the true class, numbers = clips.

    Args:
        confusion: (classes, classes) int, row = true class, column = predicted class
        labels: class names in that order
        path: the PNG file
        name: of the experiment, for the title
    """
    classes = len(labels)
    totals = confusion.sum(axis=1, keepdims=True)
    fraction = confusion / np.maximum(totals, 1)
    side = float(np.clip(0.26 * classes + 3, 6, 30))
    figure = new_figure(side, side)
    axes = figure.add_subplot()
    image = axes.imshow(fraction, cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="predicted", ylabel="true", title=f"{name}\n{_title(confusion)}")
    if classes <= MOST_NAMED:
        axes.set_xticks(range(classes), labels, rotation=90, fontsize=9)
        axes.set_yticks(range(classes), labels, fontsize=9)
        _write_counts(axes, confusion, fraction)
    bar = figure.colorbar(image, ax=axes, shrink=0.5, label="fraction of the true class")
    bar.ax.spines["outline"].set_visible(False)
    write_figure(figure, path, DPI)


def _title(confusion: np.ndarray) -> str:
    correct, clips = confusion.trace(), confusion.sum()
    return f"{correct} of {clips} clips correct ({correct / clips:.1%})"


def _write_counts(axes: Axes, confusion: np.ndarray, fraction: np.ndarray) -> None:
    size = 9 if len(confusion) <= 20 else 7
    for true, predicted in np.argwhere(confusion):
        axes.text(
            predicted,
            true,
            str(confusion[true, predicted]),
            ha="center",
            va="center",
            color="white" if fraction[true, predicted] > 0.5 else "black",
            fontsize=size,
        )


def plot_reliability(result: Mapping[str, Any], path: str | Path) -> None:
    """Write accuracy against confidence, and the number of decisions in each bin, as PNG.

    Args:
        result: the content of result.json
        path: the PNG file
    """
    figure = new_figure(5.5, 7)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    several = result["multi_label"]
    ece = 100 * result["metrics"]["ECE"]["value"]
    above.set_title(f"{result['name']}\nexpected calibration error {ece:.1f} %")
    _draw_reliability(above, [row for row in result["reliability"] if row["count"]])
    above.set_ylabel("fraction of clips with the label" if several else "accuracy")
    _draw_counts(below, result["reliability"])
    below.set_xlabel("probability of " + ("a class" if several else "the predicted class"))
    below.set_ylabel("clips times classes" if several else "clips")
    write_figure(figure, path, DPI)


def _draw_reliability(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """Draw a point for each bin that is not empty, and its distance from the diagonal."""
    confidence = [row["confidence"] for row in rows]
    accuracy = [row["accuracy"] for row in rows]
    axes.plot([0, 1], [0, 1], "--", color="0.4", label="calibrated")
    axes.vlines(confidence, confidence, accuracy, color="0.4", linewidth=1)
    axes.plot(confidence, accuracy, "o-", color="tab:blue", label="measured")
    axes.set(xlim=(0, 1), ylim=(-0.02, 1.02))
    for text, place in (("too cautious", (0.03, 0.97)), ("too sure", (0.97, 0.03))):
        x, y = place
        axes.text(x, y, text, ha="left" if x < 0.5 else "right", va="top" if y > 0.5 else "bottom")
    axes.legend(loc="center left")
    axes.grid(color="0.9")


def _draw_counts(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """Draw a bar with its number for each bin; a logarithmic axis also shows the rare ones."""
    counts = [row["count"] for row in rows]
    middles = [(row["low"] + row["high"]) / 2 for row in rows]
    bars = axes.bar(middles, counts, width=rows[0]["high"], color="0.85", edgecolor="0.2")
    axes.bar_label(bars, [str(n) if n else "" for n in counts], fontsize=7)
    axes.set_yscale("log")
    axes.set_ylim(0.5, 4 * max(counts))
