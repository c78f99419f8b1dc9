"""What becomes of the outputs of a model: labels of clips, of windows, or of segments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from asda.apply.rows import Row
from asda.apply.segment_merger import Segment, SegmentMerger
from asda.inference.audio_model import AudioModel, Window
from asda.inference.tags import clip_scores, probabilities

SCORE_DIGITS = 6  # significant ones
TIME_DIGITS = 6  # decimals of seconds


@dataclass(frozen=True)
class Tagger:
    """A model with what is made of its scores.

    Args:
        model: a classifier
        name: of its file, as it was given
        digest: of its file, by which rows name it
        top: most labels of a clip or window; None = all
        thresholds: smallest score of each label (labels,); None = 0 for all
    """

    model: AudioModel
    name: str
    digest: str
    top: int | None
    thresholds: np.ndarray | None


@dataclass(frozen=True)
class Windows:
    """How recordings are divided; a whole clip has one set of labels if `length` is None.

    Args:
        length: of a window in seconds
        hop: from the start of a window to that of the next, in seconds
        merged: whether windows become segments of each label
    """

    length: float | None = None
    hop: float | None = None
    merged: bool = False


class Collector(Protocol):
    """Takes the windows of one input in order, and gives its rows."""

    def add(self, window: Window, outputs: torch.Tensor) -> list[Row]:
        """Take the outputs (labels,) of a window and return the rows that are complete."""

    def finish(self) -> list[Row]:
        """Return the remaining rows, after the last window."""


class _Clip:
    """One row with the labels of a whole clip: those of the mean probabilities of its windows."""

    def __init__(self, tagger: Tagger):
        self.tagger = tagger
        self._outputs: list[torch.Tensor] = []
        self._start = self._end = 0.0

    def add(self, window: Window, outputs: torch.Tensor) -> list[Row]:
        self._start = self._start if self._outputs else window.start
        self._end = window.end
        self._outputs.append(outputs)
        return []

    def finish(self) -> list[Row]:
        scores = clip_scores(self._outputs, self.tagger.model.saved.output)
        return [_row(self.tagger, self._start, self._end, scores)]


class _EachWindow:
    """One row for each window."""

    def __init__(self, tagger: Tagger):
        self.tagger = tagger

    def add(self, window: Window, outputs: torch.Tensor) -> list[Row]:
        scores = probabilities(outputs, self.tagger.model.saved.output)
        return [_row(self.tagger, window.start, window.end, scores)]

    def finish(self) -> list[Row]:
        return []


class _Segments:
    """One row for each segment of a label, in order of their starts."""

    def __init__(self, tagger: Tagger):
        assert tagger.thresholds is not None
        self.tagger = tagger
        self._merger = SegmentMerger(tagger.thresholds)
        self._found: list[Segment] = []

    def add(self, window: Window, outputs: torch.Tensor) -> list[Row]:
        scores = probabilities(outputs, self.tagger.model.saved.output)
        self._found += self._merger.add(window.start, window.end, scores.double().numpy())
        return []

    def finish(self) -> list[Row]:
        found = self._found + self._merger.finish()
        found.sort(key=lambda segment: (segment.start, segment.index))
        return [self._row_of(segment) for segment in found]

    def _row_of(self, segment: Segment) -> Row:
        label = _label(self.tagger, segment.index, segment.score)
        return _stretch(self.tagger, segment.start, segment.end, [label])


def _row(tagger: Tagger, start: float, end: float, scores: torch.Tensor) -> Row:
    values = scores.double().numpy()
    order = np.argsort(-values, kind="stable")
    if tagger.thresholds is not None:
        order = order[values[order] >= tagger.thresholds[order]]
    labels = [_label(tagger, index, values[index]) for index in order[: tagger.top].tolist()]
    return _stretch(tagger, start, end, labels)


def _stretch(tagger: Tagger, start: float, end: float, labels: list[dict[str, Any]]) -> Row:
    times = {"start": round(start, TIME_DIGITS), "end": round(end, TIME_DIGITS)}
    return {**times, "labels": labels, "model": tagger.digest}


def _label(tagger: Tagger, index: int, score: float) -> dict[str, Any]:
    score = float(f"{score:.{SCORE_DIGITS}g}")
    return {"label": tagger.model.labels[index], "index": index, "score": score}


def collector_for(tagger: Tagger, windows: Windows) -> Collector:
    """Return what collects the rows of one input."""
    if windows.merged:
        return _Segments(tagger)
    return _Clip(tagger) if windows.length is None else _EachWindow(tagger)
