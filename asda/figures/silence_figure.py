"""The share of attention on silence as a table and as a figure."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from asda.canvas import COLOURS, MARKERS, new_figure
from asda.figures.silence import QUANTITIES
from asda.figures.silence_measurement import CHANGES, MEAN, SHARE, UNIFORM
from asda.scoring.intervals import Interval
from asda.scoring.tables import Table, with_interval

ByLayer = Mapping[str, Interval]
Found = Mapping[str, ByLayer]
SPREAD = 0.13  # between the markers of one layer


def silence_tsv(found: Found) -> Table:
    """Return one row per layer and quantity, as fractions of 1 and with the interval's ends."""
    rows = [
        [layer, name, *(f"{end:.6g}" for end in interval)]
        for name, by_layer in found.items()
        for layer, interval in by_layer.items()
    ]
    return Table(["layer", "quantity", "value", "low", "high"], rows)


def silence_table(found: Found, note: str) -> Table:
    """Return a row per layer in per cent, with intervals."""
    names = [name for name in (*QUANTITIES[:3], *CHANGES) if name in found]

    def cell(name: str, layer: str) -> str:
        return with_interval(SHARE, found[name][layer]._asdict(), signed=name in CHANGES)

    rows = [[layer, *(cell(name, layer) for name in names)] for layer in found[UNIFORM]]
    return Table(["layer", *(f"{name} %" for name in names)], rows, note)


def draw_silence(found: Found, title: str) -> Figure:
    """Draw the shares over the layers, and below them what the second map changes."""
    changes = [name for name in CHANGES if name in found]
    layers = list(found[UNIFORM])
    figure = new_figure(max(5.5, 0.75 * len(layers) + 3), 6.2 if changes else 3.6, title)
    panels = figure.subplots(2 if changes else 1, 1, squeeze=False, sharex=True)[:, 0]
    shares = [name for name in QUANTITIES[:3] if name in found]
    _points(panels[0], {name: found[name] for name in shares})
    uniform = SHARE.factor * found[UNIFORM][MEAN].value
    panels[0].axhline(uniform, color="k", linewidth=1, linestyle="--", label="uniform attention")
    panels[0].set_ylim(bottom=0)
    panels[0].set_ylabel("attention on\nframes without sound (%)")
    if changes:
        _points(panels[1], {name: found[name] for name in changes}, len(shares) - 1)
        panels[1].axhline(0, color="k", linewidth=1, linestyle="--")
        panels[1].set_ylabel("difference\n(percentage points)")
    panels[-1].set_xticks(range(len(layers)), layers)
    panels[-1].set_xlabel("layer")
    for panel in panels:
        panel.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1))
        panel.grid(axis="y", alpha=0.3)
    return figure


def _points(panel: Axes, series: Found, first: int = 0) -> None:
    """Draw a marker with its interval for each layer, side by side for the quantities."""
    for number, (name, by_layer) in enumerate(series.items()):
        offset = SPREAD * (number - (len(series) - 1) / 2)
        values = [SHARE.factor * interval.value for interval in by_layer.values()]
        # The bias-corrected interval of very skewed shares may lie beside the value.
        low = [SHARE.factor * max(0.0, i.value - i.low) for i in by_layer.values()]
        high = [SHARE.factor * max(0.0, i.high - i.value) for i in by_layer.values()]
        style = first + number
        panel.errorbar(
            [place + offset for place in range(len(values))],
            values,
            yerr=[low, high],
            fmt=MARKERS[style],
            color=COLOURS[style],
            markersize=5,
            capsize=3,
            linewidth=1.2,
            label=name,
        )
