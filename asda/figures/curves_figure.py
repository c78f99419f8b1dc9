"""`asda plot curves`: training curves of several experiments on the same axes."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from asda.canvas import COLOURS, MARKERS, STYLES, new_figure
from asda.figures.label_places import spread
from asda.files import InputError, listed
from asda.scoring.tables import shorten_middle
from asda.training.history import RISING, History, curve, quantities

LOGARITHMIC = 30  # ratio of largest and smallest value from which the axis is logarithmic
LABEL_INCHES = 0.15  # height of a label at the end of a curve
LABEL_CHARACTERS = 30


class End(NamedTuple):
    """The end of a curve: where it is, and the name and the colour that it is labelled with."""

    update: float
    value: float
    name: str
    colour: str


def experiment_names(folders: Sequence[Path]) -> list[str]:
    """Return names that tell experiments apart: their paths without the words that all share."""
    paths = [Path(os.path.abspath(folder)).parts for folder in folders]
    if len(paths) == 1:
        return [paths[0][-1]]
    shared = set.intersection(*map(set, paths))
    names = ["/".join(part for part in path if part not in shared) for path in paths]
    distinct = all(names) and len(set(names)) == len(names)
    return names if distinct else [str(folder) for folder in folders]


def chosen_quantities(histories: Sequence[History], wanted: Sequence[str]) -> list[str]:
    """Return the quantities to draw: by default loss, the validation metrics and learning rate.

    Raises:
        InputError: if none of the runs has reported a quantity.
    """
    known = sorted({name for history in histories for name in quantities(history)})
    for name in wanted:
        if name not in known:
            raise InputError(
                f"--quantities: no run has reported '{name}'; there are {listed(known, 20)}"
            )
    return list(wanted) or [n for n in ("loss", *RISING, "learning_rate") if n in known]


def draw_curves_of(runs: Mapping[str, History], shown: Sequence[str], title: str) -> Figure:
    """Draw one panel per quantity; the curves of a run have one line style in all panels.

    Args:
        runs: name of a run -> the rows that it has logged
        shown: names of the quantities
        title: title of the figure
    """
    height = max(2.2, LABEL_INCHES * 2 * len(runs) + 0.4)
    figure = new_figure(8.5, height * len(shown) + 0.8, title)
    panels = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    for panel, quantity in zip(panels, shown, strict=True):
        _draw(panel, runs, quantity, height)
    panels[-1].set_xlabel("update")
    return figure


def _draw(panel: Axes, runs: Mapping[str, History], quantity: str, height: float) -> None:
    """Draw the curves of a quantity, named where they end."""
    ends, values = [], []
    for number, (name, history) in enumerate(runs.items()):
        for group, style in _styles(number).items():
            updates, found = curve(history, group, quantity)
            if updates:
                panel.plot(updates, found, **style)
                shown = shorten_middle(name, LABEL_CHARACTERS)
                label = group if len(runs) == 1 else f"{shown}, {group}"
                ends.append(End(updates[-1], found[-1], label, style["color"]))
                values += found
    if quantity.endswith("_std"):  # what matters is how far it is from collapse
        panel.set_ylim(bottom=0)
    # A learning rate ends near zero, which would take most of a logarithmic axis.
    elif quantity != "learning_rate" and _spans_magnitudes(values):
        panel.set_yscale("log")
    panel.set_ylabel(quantity.replace("_", " "))
    panel.grid(alpha=0.3)
    panel.margins(x=0.01)
    _name_ends(panel, [end for end in ends if math.isfinite(end.value)], LABEL_INCHES / height)


def _spans_magnitudes(values: Sequence[float]) -> bool:
    finite = [value for value in values if math.isfinite(value)]
    return bool(finite) and 0 < LOGARITHMIC * min(finite) < max(finite)


def _styles(number: int) -> dict[str, dict[str, Any]]:
    """Return how the curves of a run are drawn, by group: validation has markers."""
    own = {
        "color": COLOURS[number % len(COLOURS)],
        "linestyle": STYLES[number % len(STYLES)],
        "linewidth": 1.4,
    }
    marker = {"marker": MARKERS[number % len(MARKERS)], "markersize": 4.5, "linewidth": 0.9}
    return {"train": own, "valid": own | marker}


def _name_ends(panel: Axes, ends: Sequence[End], gap: float) -> None:
    """Write the name of each curve to the right of its end, where it overlaps no other name.

    Args:
        panel: with all its curves
        ends: ends of the curves
        gap: least distance of two names, as a fraction of the height
    """
    panel.get_xlim(), panel.get_ylim()  # sets the limits, which transData needs
    to_axes = panel.transData + panel.transAxes.inverted()
    for update in dict.fromkeys(end.update for end in ends):
        together = [end for end in ends if end.update == update]
        points = [to_axes.transform((end.update, end.value)) for end in together]
        places = spread([float(height) for _, height in points], gap)
        for end, (across, _), place in zip(together, points, places, strict=True):
            panel.annotate(
                end.name,
                (end.update, end.value),
                (across + 0.02, place),
                textcoords="axes fraction",
                va="center",
                fontsize=8,
                color=end.colour,
                arrowprops={"arrowstyle": "-", "color": end.colour, "linewidth": 0.6},
                bbox={"facecolor": "w", "edgecolor": "none", "alpha": 0.8, "pad": 0.5},
                annotation_clip=False,
            )
