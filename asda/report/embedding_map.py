"""Clips as points: their embeddings projected to two dimensions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from asda.figures.embedded_clips import embed_sources
from asda.figures.projection import FEWEST, Method, project
from asda.inference.audio_model import AudioModel
from asda.report.listed_clips import ListedClips, short
from asda.report.set_results import SetResults
from asda.report.svg_axes import Axes, range_of
from asda.scoring.clip_tables import Row

MOST_POINTS = 300  # that can still be told apart, and listened to
COLOURS, SHAPES = 8, 5  # of the style sheet and of the template
WIDTH, HEIGHT = 640.0, 480.0
TITLES: dict[Method, str] = {"pca": "first two principal components", "umap": "UMAP"}


@dataclass
class MapPoint:
    """A clip in the map.

    Args:
        x: place in the view box
        y: place in the view box
        label: number of its label in the legend
        wrong: whether its prediction is wrong
        clip: number of the clip in the page
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
        points: sorted by label, those with errors last
        method: name of the projection
        clips: number of all clips of the set
    """

    axes: Axes
    labels: list[str]
    points: list[MapPoint]
    method: str
    clips: int


def embedding_map(
    found: SetResults, model: AudioModel, method: Method, listed: ListedClips
) -> EmbeddingMap | None:
    """Return the map of a test set; None if it has too few clips with audio that can be read.

    Args:
        found: the test set
        model: the model that was scored
        method: method of the projection
        listed: the clips of the page, to which those of the map are added
    """
    rows = {row["utterance"]: row for row in _chosen_rows(found)}
    vectors, _ = embed_sources(model, {name: found.sources[name] for name in rows})
    if len(vectors) < FEWEST:
        return None
    places = project(np.stack(list(vectors.values())), method)
    drawn = [rows[name] for name in vectors]
    x_range, y_range = (range_of(places[:, axis].tolist()) for axis in (0, 1))
    axes = Axes(x_range, y_range, "", "", WIDTH, HEIGHT)
    frequent = Counter(label for row in drawn for label in row["true"].split(" "))
    shown = [_shown_label(row, frequent) for row in drawn]
    labels = sorted(set(shown))
    points = [
        MapPoint(axes.x(x), axes.y(y), labels.index(label), row["true"] != row["predicted"], clip)
        for row, label, (x, y) in zip(drawn, shown, places.tolist(), strict=True)
        if (clip := listed.number(found.name, row, found.sources)) is not None
    ]
    points.sort(key=lambda point: (point.wrong, point.label))  # errors on top of the others
    names = [short(label) for label in labels]
    return EmbeddingMap(axes, names, points, TITLES[method], len(found.rows))


def _chosen_rows(found: SetResults) -> list[Row]:
    """Return at most MOST_POINTS clips with known audio, drawn at random with a fixed seed."""
    usable = sorted(
        (row for row in found.rows if row["utterance"] in found.sources),
        key=lambda row: str(row["utterance"]),
    )
    if len(usable) <= MOST_POINTS:
        return usable
    drawn = np.random.default_rng(0).choice(len(usable), MOST_POINTS, replace=False)
    return [usable[index] for index in sorted(drawn)]


def _shown_label(row: Row, frequent: Counter[str]) -> str:
    """Return the label that colours a clip: of several, the one that most clips of the map have."""
    labels: list[str] = row["true"].split(" ")
    return max(labels, key=lambda label: frequent[label]) or "no label"
