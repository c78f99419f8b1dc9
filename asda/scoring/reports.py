"""What a score folder reports about a set of clips, whatever the kind of its scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from asda.scoring.intervals import Interval, intervals
from asda.scoring.measurable import Metric
from asda.scoring.scored_set import ScoredSet


class PageParts(NamedTuple):
    """What a kind of scores adds to RESULTS.md.

    Args:
        subject: what was scored, after its number in the headline
        sections: Markdown blocks before the origin of the result
        origin: lines of the table of the origin
    """

    subject: str = "clips"
    sections: Sequence[str] = ()
    origin: Mapping[str, str] = {}


class Report:
    """Metrics with intervals. A kind of scores with more to show overrides the other methods.

    Args:
        scored: the clips
    """

    def __init__(self, scored: ScoredSet):
        self.system = scored.measurable()

    def metrics(self) -> dict[str, Metric]:
        """Return the metrics of `intervals`, in the order in which they are shown."""
        return dict(self.system.metrics)

    def intervals(self, groups: np.ndarray | None = None) -> dict[str, Interval]:
        """Return each metric with its interval.

        Args:
            groups: (clips,) int, drawn whole (see bootstrap_weights)
        """
        return intervals(self.system, groups)

    def entries(self) -> dict[str, Any]:
        """Return further entries of result.json."""
        return {}

    def write_files(self, folder: Path, result: Mapping[str, Any]) -> None:
        """Write further files into the score folder, from the content of result.json."""

    def page_parts(self, result: Mapping[str, Any]) -> PageParts:
        """Return what RESULTS.md shows beyond the metrics, from the content of result.json."""
        return PageParts()
