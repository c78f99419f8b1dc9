"""Coordinates of charts that templates draw as SVG: no styles, so that the page sets colours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from matplotlib.ticker import MaxNLocator

WIDTH, HEIGHT = 360.0, 230.0  # of the view box; the page scales it
LEFT, RIGHT, TOP, BOTTOM = 48.0, 10.0, 10.0, 40.0  # margins for ticks and labels
Point = tuple[float, float]


@dataclass(frozen=True)
class Scale:
    """A linear scale from values to places in the view box.

    Args:
        low: value at `start`
        high: value at `end`
        start: place of the low value
        end: place of the high value
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        place = self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)
        return round(place, 1)

    def ticks(self, most: int) -> list[tuple[float, str]]:
        """Return the places and texts of at most `most` round values."""
        values = MaxNLocator(most, steps=[1, 2, 5, 10]).tick_values(self.low, self.high)
        slack = 1e-9 * (self.high - self.low)
        shown = [v for v in values if self.low - slack <= v <= self.high + slack]
        return [(self(value), f"{value:.6g}") for value in shown]


@dataclass
class Axes:
    """The frame of a chart.

    Args:
        x_range: least and greatest value
        y_range: least and greatest value
        x_label: label of the horizontal axis
        y_label: label of the vertical axis
        width: width of the view box
        height: height of the view box
    """

    x_range: Point
    y_range: Point
    x_label: str
    y_label: str
    width: float = WIDTH
    height: float = HEIGHT
    x: Scale = field(init=False)
    y: Scale = field(init=False)

    def __post_init__(self) -> None:
        self.x = Scale(*_wide(*self.x_range), LEFT, self.width - RIGHT)
        self.y = Scale(*_wide(*self.y_range), self.height - BOTTOM, TOP)

    @property
    def x_ticks(self) -> list[tuple[float, str]]:
        return self.x.ticks(5)

    @property
    def y_ticks(self) -> list[tuple[float, str]]:
        return self.y.ticks(5)

    def path(self, points: Sequence[Point]) -> str:
        """Return the `points` of an SVG polyline."""
        return " ".join(f"{self.x(x)},{self.y(y)}" for x, y in points)


def _wide(low: float, high: float) -> Point:
    """Return a range that is not empty."""
    if high > low:
        return low, high
    room = abs(low) / 10 or 1.0
    return low - room, low + room


def range_of(values: Sequence[float], include: Sequence[float] = ()) -> Point:
    """Return the range of finite values with some room above and below.

    Args:
        values: values that the chart shows
        include: values that the range covers without room beyond them
    """
    finite = [value for value in values if math.isfinite(value)] or [0.0]
    room = 0.05 * (max(finite) - min(finite))
    low, high = min(finite) - room, max(finite) + room
    return min([low, *include]), max([high, *include])
