"""Figures of results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from asda.files import atomic_write

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
    figure = Figure(figsize=(side, side), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    image = axes.imshow(fraction, cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="predicted", ylabel="true", title=f"{name}\n{_title(confusion)}")
    if classes <= MOST_NAMED:
        axes.set_xticks(range(classes), labels, rotation=90, fontsize=9)
        axes.set_yticks(range(classes), labels, fontsize=9)
        _write_counts(axes, confusion, fraction)
    bar = figure.colorbar(image, ax=axes, shrink=0.5, label="fraction of the true class")
    bar.ax.spines["outline"].set_visible(False)
    with atomic_write(path, "wb") as stream:
        figure.savefig(stream, format="png", dpi=100)


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
