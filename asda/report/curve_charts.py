"""Training curves as charts: one per quantity, of one run or of all folds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from asda.report.svg_axes import Axes, Point, range_of
from asda.training.history import GROUPS, RISING, History, curve, quantities

MOST_POINTS = 400  # of a line; more cannot be told apart
FIRST = ("loss", *RISING)  # quantities that are shown first


@dataclass
class Line:
    """One curve.

    Args:
        group: "train" or "valid"
        name: name of the run; "" if there is only one
        path: points of the curve, as SVG writes them
        last: the last value as text
        marks: where its points are marked if they are few, so that a single one is seen
    """

    group: str
    name: str
    path: str
    last: str
    marks: list[Point]


@dataclass
class CurveChart:
    """The curves of one quantity."""

    quantity: str
    axes: Axes
    lines: list[Line]

    @property
    def description(self) -> str:
        """The chart in words, for those who do not see it."""
        ends = [f"{line.group} {line.name} ends at {line.last}" for line in self.lines]
        return f"{self.quantity} over updates: {'; '.join(' '.join(end.split()) for end in ends)}"


def curve_charts(histories: Mapping[str, History]) -> list[CurveChart]:
    """Return a chart per quantity, the loss and the metrics first.

    Args:
        histories: name of the run -> its rows; the name is "" if there is only one
    """
    found = {quantity for history in histories.values() for quantity in quantities(history)}
    order = [q for q in FIRST if q in found] + sorted(found - set(FIRST))
    return [_chart(quantity, histories) for quantity in order]


def _chart(quantity: str, histories: Mapping[str, History]) -> CurveChart:
    curves = {
        (group, name): points
        for name, history in histories.items()
        for group in GROUPS
        if (points := _points(*curve(history, group, quantity)))
    }
    values = [y for points in curves.values() for _, y in points]
    updates = [x for points in curves.values() for x, _ in points]
    # What matters of a standard deviation is how far it is from collapse.
    include = [0.0] if quantity.endswith("_std") else []
    label = quantity.replace("_", " ")
    axes = Axes((0.0, max(updates)), range_of(values, include), "update", label)
    lines = [_line(group, name, points, axes) for (group, name), points in curves.items()]
    return CurveChart(label, axes, lines)


def _points(updates: list[float], values: list[float]) -> list[Point]:
    points = [(x, y) for x, y in zip(updates, values, strict=True) if math.isfinite(y)]
    step = max(1, -(-len(points) // MOST_POINTS))
    # Counted from the end, so that the last value is always among them.
    return points[::-1][::step][::-1]


def _line(group: str, name: str, points: list[Point], axes: Axes) -> Line:
    marks = [(axes.x(x), axes.y(y)) for x, y in points] if len(points) <= 40 else []
    return Line(group, name, axes.path(points), f"{points[-1][1]:.4g}", marks)
