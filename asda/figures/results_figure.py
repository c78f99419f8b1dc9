"""`asda plot results`: results of systems over tasks, with their intervals."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from asda.canvas import COLOURS, MARKERS, STYLES, new_figure
from asda.scoring.systems_by_task import Points

APART = 0.06  # of the distance of two tasks: intervals of different systems do not cover each other


def draw_results(points: Points, title: str, runs: int = 1) -> Figure:
    """Draw a line for each system, with a point and its interval for each task.

    Args:
        points: values with the ends of their intervals
        title: title of the figure
        runs: number of runs that the values are means of
    """
    figure = new_figure(6.5, 4, title)
    panel = figure.subplots()
    factor = points.metric.factor
    for number, (name, row) in enumerate(points.rows.items()):
        found = [(place, point) for place, point in enumerate(row) if point]
        if not found:
            continue
        places = [place + APART * (number - (len(points.rows) - 1) / 2) for place, _ in found]
        values, low, high = factor * np.array([point for _, point in found]).T
        panel.errorbar(
            places,
            values,
            [values - low, high - values],
            label=name,
            color=COLOURS[number % len(COLOURS)],
            linestyle=STYLES[number % len(STYLES)],
            marker=MARKERS[number % len(MARKERS)],
            markersize=5,
            linewidth=1.4,
            capsize=3,
        )
    panel.set_xticks(range(len(points.columns)), points.columns)
    bars = f"mean ± standard deviation of {runs} runs" if runs > 1 else "95 % interval"
    panel.set_ylabel(f"{points.metric.title}\n({bars})")
    panel.grid(alpha=0.3)
    panel.legend()
    return figure
