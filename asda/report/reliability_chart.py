"""How often decisions are right at each probability, as a chart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from asda.report.svg_axes import Axes
from asda.scoring.calibration import ECE, Calibration
from asda.scoring.intervals import intervals
from asda.scoring.predictions import ScoredClips
from asda.scoring.tables import with_interval


class Bin(NamedTuple):
    """A bin of probabilities: the rectangle in the chart, and the row of the table."""

    x: float
    y: float
    width: float
    height: float
    row: tuple[str, str, str, str]


@dataclass
class ReliabilityChart:
    """A reliability diagram.

    Args:
        axes: the frame
        diagonal: the line of perfect calibration as SVG has its points
        bins: bins of probabilities that have decisions
        error: expected calibration error with its interval
    """

    axes: Axes
    diagonal: str
    bins: list[Bin]
    error: str

    @property
    def description(self) -> str:
        """The chart in words, for those who do not see it."""
        lines = (f"at {confidence}: {accuracy}" for _, _, confidence, accuracy in self.rows)
        return f"accuracy in % at each mean probability: {'; '.join(lines)}"

    @property
    def rows(self) -> list[tuple[str, str, str, str]]:
        """Probabilities, number of decisions, their mean probability, % that are right."""
        return [found.row for found in self.bins]


def reliability_chart(
    scored: ScoredClips, measured: Mapping[str, float | None] | None
) -> ReliabilityChart:
    """Return the reliability of scores, with the expected calibration error.

    Args:
        scored: the clips
        measured: the error with its interval as in result.json; None = measure it here, since
            earlier versions did not
    """
    calibration = Calibration(scored)
    one_label = calibration.decisions == 1
    x_label = "probability of the predicted class" if one_label else "probability of a class"
    y_label = "accuracy" if one_label else "frequency of the label"
    axes = Axes((0, 1), (0, 1), x_label, y_label)
    bins = [_bin(axes, **row) for row in calibration.reliability() if row["count"]]
    found = measured or intervals(calibration)["ECE"]._asdict()
    return ReliabilityChart(axes, axes.path([(0, 0), (1, 1)]), bins, with_interval(ECE, found))


def _bin(
    axes: Axes, low: float, high: float, count: int, confidence: float, accuracy: float
) -> Bin:
    left, right = axes.x(low), axes.x(high)
    top, bottom = axes.y(accuracy), axes.y(0)
    row = (f"{low:.2f} to {high:.2f}", str(count), f"{confidence:.3f}", f"{100 * accuracy:.1f}")
    return Bin(left + 1, top, right - left - 2, bottom - top, row)
