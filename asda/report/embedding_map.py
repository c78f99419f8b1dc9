"""Clips as points: their embeddings projected to two dimensions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from asda.report.listed_clips import ListedClips, short
from asda.report.set_results import SetResults
from asda.report.svg_axes import Axes, range_of
from asda.scoring.prediction_table import Row

MOST_POINTS = 300  # that can still be told apart and told by ear
COLOURS, SHAPES = 8, 5  # of the style sheet and of the template
WIDTH, HEIGHT = 640.0, 480.0


@dataclass
class MapPoint:
    """A clip in the map.

    Args:
        x: place in the view box
        y: place in the view box
        label: number of its label in the legend
        wrong: whether its prediction is wrong
        clip: its number
    """

    x: float
    y: float
    label: int
    wrong: bool
    clip: int


@dataclass
class EmbeddingMap:
    """The map of one test set.

    Args:
        axes: the frame
        labels: the legend
        points: sorted by label
        method: of the projection
        clips: number of all clips of the set
    """

    axes: Axes
    labels: list[str]
    points: list[MapPoint]
    method: str
    clips: int


def chosen_rows(found: SetResults) -> list[Row]:
    """Return at most MOST_POINTS clips with known audio, drawn at random with a fixed seed."""
    usable = sorted(
        (row for row in found.rows if row["utterance"] in found.sources),
        key=lambda row: str(row["utterance"]),
    )
    if len(usable) <= MOST_POINTS:
        return usable
    drawn = np.random.default_rng(0).choice(len(usable), MOST_POINTS, replace=False)
    return [usable[index] for index in sorted(drawn)]


def embedding_map(
    found: SetResults, rows: Sequence[Row], places: np.ndarray, method: str, listed: ListedClips
) -> EmbeddingMap:
    """Return the map of clips at given places.

    Args:
        found: the test set
        rows: a row of the table of predictions per point
        places: (points, 2) float
        method: of the projection
        listed: the clips of the page, to which those of the map are added
    """
    x_range, y_range = (range_of(places[:, axis].tolist()) for axis in (0, 1))
    axes = Axes(x_range, y_range, "", "", WIDTH, HEIGHT)
    frequent = Counter(label for row in rows for label in row["true"].split(" "))
    shown = [_shown_label(row, frequent) for row in rows]
    labels = sorted(set(shown))
    points = []
    for row, label, (x, y) in zip(rows, shown, places.tolist(), strict=True):
        clip = listed.number(found.name, row, found.sources)
        if clip is not None:
            wrong = row["true"] != row["predicted"]
            points.append(MapPoint(axes.x(x), axes.y(y), labels.index(label), wrong, clip))
    points.sort(key=lambda point: point.label)
    return EmbeddingMap(axes, [short(label) for label in labels], points, method, len(found.rows))


def _shown_label(row: Row, frequent: Counter[str]) -> str:
    """Return the label that colours a clip: of several, the one that most clips of the map have."""
    labels: list[str] = row["true"].split(" ")
    return max(labels, key=lambda label: frequent[label]) or "no label"
