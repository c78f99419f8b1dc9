"""Segments of each class from the scores of windows that overlap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DIGITS = 6  # microseconds: windows that touch must do so exactly


@dataclass(frozen=True)
class Segment:
    """A stretch in which a class is present.

    Args:
        start: in seconds
        end: in seconds
        index: of the class
        score: highest score within the stretch
    """

    start: float
    end: float
    index: int
    score: float


class SegmentMerger:
    """Merges the windows of one recording as they come, in constant memory.

    The score of a moment is the mean over all windows that cover it. A segment of a class is a
    longest stretch in which no moment's score is below the threshold of the class.

    Args:
        thresholds: smallest score of each class, (classes,)
    """

    def __init__(self, thresholds: np.ndarray):
        classes = len(thresholds)
        self._thresholds = thresholds
        self._windows: list[tuple[float, np.ndarray]] = []  # end and scores of those still open
        self._time = 0.0
        self._open = np.zeros(classes, bool)
        self._starts, self._best = np.zeros(classes), np.zeros(classes)

    def add(self, start: float, end: float, scores: np.ndarray) -> list[Segment]:
        """Add a window and return the segments that have ended before it.

        Args:
            start: in seconds, not before that of the previous window
            end: in seconds
            scores: (classes,)
        """
        ended = self._advance(round(start, DIGITS))
        self._windows.append((round(end, DIGITS), scores))
        return ended

    def finish(self) -> list[Segment]:
        """Return the segments that were still open after the last window."""
        ended = self._advance(max((end for end, _ in self._windows), default=self._time))
        return ended + self._end(self._open)

    def _advance(self, until: float) -> list[Segment]:
        """Settle the time up to the start of a new window; every open window has begun before."""
        ended: list[Segment] = []
        edges = {end for end, _ in self._windows if self._time < end < until} | {until}
        for edge in sorted(edges):
            if edge > self._time:
                ended += self._settle(edge)
        return ended

    def _settle(self, edge: float) -> list[Segment]:
        """Settle the time from the present one to `edge`, in which no window begins or ends."""
        covering = [scores for end, scores in self._windows if end >= edge]
        scores = np.mean(covering, axis=0) if covering else np.full(len(self._open), -np.inf)
        present = scores >= self._thresholds
        ended = self._end(self._open & ~present)
        self._starts[present & ~self._open] = self._time
        self._best = np.where(self._open & present, np.maximum(self._best, scores), scores)
        self._open, self._time = present, edge
        self._windows = [window for window in self._windows if window[0] > edge]
        return ended

    def _end(self, which: np.ndarray) -> list[Segment]:
        return [
            Segment(float(self._starts[index]), self._time, int(index), float(self._best[index]))
            for index in np.flatnonzero(which)
        ]
