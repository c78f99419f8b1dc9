"""`asda plot projection`: embeddings in two dimensions, labelled where the clips of a class lie."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps, patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from asda.canvas import MARKERS, WEIGHT, new_figure
from asda.figures.embedded_clips import EmbeddedClips
from asda.figures.label_places import separate
from asda.scoring.tables import Table, shorten_middle

LABEL_CHARACTERS = 24
AREA = 26  # of a marker, in square points
FONT = 8  # points
CHARACTER_WIDTH = 0.7  # of the font size
LINE_HEIGHT = 1.5  # of the font size
LIGHTEST = 0.85  # of the colour map; lighter points would not be seen on white


def draw_projection(
    points: np.ndarray, labels: Sequence[str], title: str, axis_names: tuple[str, str]
) -> Figure:
    """Draw the clips of each label with a marker of their own, and its name among them.

    Markers repeat after ten labels; filled ones then follow hollow ones, so that twenty labels are
    told apart without colour, and further ones by the names.

    Args:
        points: (clips, 2) float
        labels: the label of each clip; "" = it has none
        title: title of the figure
        axis_names: names of the two axes
    """
    figure = new_figure(8.5, 7.5, title)
    axes = figure.add_subplot()
    names = sorted(set(labels))
    of_clip = np.array(labels)
    colours = colormaps[WEIGHT](np.linspace(0, LIGHTEST, max(2, len(names))))
    for number, name in enumerate(names):
        own = points[of_clip == name]
        hollow = number // len(MARKERS) % 2
        axes.scatter(
            own[:, 0],
            own[:, 1],
            marker=MARKERS[number % len(MARKERS)],
            s=AREA,
            facecolors="none" if hollow else [colours[number]],
            edgecolors=[colours[number]],
            linewidths=0.8,
            alpha=0.85,
            label=name or "no label",
        )
    axes.set(xlabel=axis_names[0], ylabel=axis_names[1])
    axes.tick_params(labelsize=8)
    axes.margins(0.06)
    if len(names) > 1:
        _legend(axes, len(names))
        _write_names(figure, axes, points, of_clip, names)
    return figure


def _legend(axes: Axes, names: int) -> None:
    columns = 1 + (names - 1) // 26
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1), ncols=columns)


def _write_names(
    figure: Figure, axes: Axes, points: np.ndarray, of_clip: np.ndarray, names: Sequence[str]
) -> None:
    """Write each name at the median of its clips, moved where names would overlap."""
    figure.draw_without_rendering()  # the place of the axes is known after the layout
    texts = [shorten_middle(name or "no label", LABEL_CHARACTERS) for name in names]
    medians = np.array([np.median(points[of_clip == name], axis=0) for name in names])
    pixels = figure.dpi / 72 * FONT
    sizes = [(len(text) * CHARACTER_WIDTH * pixels, LINE_HEIGHT * pixels) for text in texts]
    places = separate(axes.transData.transform(medians), np.array(sizes))
    for text, median, place in zip(texts, medians, places, strict=True):
        written = axes.annotate(
            text,
            median,
            tuple(axes.transData.inverted().transform(place)),
            fontsize=FONT,
            fontweight="bold",
            ha="center",
            va="center",
            arrowprops={"arrowstyle": "-", "linewidth": 0.6, "color": "0.3", "shrinkA": 0},
        )
        written.set_path_effects([patheffects.withStroke(linewidth=2.5, foreground="w")])


def projection_tsv(clips: EmbeddedClips, points: np.ndarray) -> Table:
    """Return one row per clip: utterance, label and coordinates."""
    rows = [
        [utterance, label, f"{x:.6g}", f"{y:.6g}"]
        for utterance, label, (x, y) in zip(clips.utterances, clips.labels, points, strict=True)
    ]
    return Table(["utterance", "label", "x", "y"], rows)
