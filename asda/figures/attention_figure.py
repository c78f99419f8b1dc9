"""`asda plot attention`: what tokens attend to, on the axes of the spectrogram."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from asda.canvas import WEIGHT, new_figure
from asda.figures.attention_rows import Row
from asda.figures.clip_input import ClipInput
from asda.figures.spectrogram import draw_cells, draw_patches, draw_spectrogram
from asda.model.model_config import ResolvedPatch


def draw_attention(
    patch: ResolvedPatch, clip: ClipInput, rows: Sequence[Row], title: str, at: float | None
) -> Figure:
    """Draw the spectrogram, and below it a row of maps for each layer and head.

    Args:
        patch: length, height and strides of the patches
        clip: the clip
        rows: what `attention_rows` returns
        title: title of the figure
        at: moment of the queries in seconds of the file; None = the query is CLS
    """
    columns = len(rows[0].grids)
    width = 3.5 * columns + 0.7 if columns > 1 else 6.5
    figure = new_figure(width, 2.3 * (1 + len(rows)) + 0.6, title)
    spec = figure.add_gridspec(1 + len(rows), columns)
    axes = figure.add_subplot(spec[0, :])
    sound = draw_spectrogram(axes, clip.log_mel, clip.fbank, clip.start)
    axes.set_title("spectrogram", fontsize=9)
    figure.colorbar(sound, ax=axes, label="level (dB)", pad=0.01)
    _mark(axes, at, clip)
    for number, row in enumerate(rows, 1):
        panels = [figure.add_subplot(spec[number, column]) for column in range(columns)]
        _draw_row(figure, panels, row, patch, clip)
        for panel in panels:
            _mark(panel, at, clip)
            if number < len(rows):
                panel.set_xlabel("")
    return figure


def _draw_row(
    figure: Figure, panels: Sequence[Axes], row: Row, patch: ResolvedPatch, clip: ClipInput
) -> None:
    """Draw the maps of one layer and head on one scale."""
    shown = row.time_patches
    least = min(grid[:shown].min() for _, grid in row.grids)
    most = max(grid[:shown].max() for _, grid in row.grids)
    for number, (panel, (title, grid)) in enumerate(zip(panels, row.grids, strict=True)):
        image = draw_patches(
            panel,
            grid[:shown],
            patch,
            clip.fbank,
            clip.end,
            clip.start,
            cmap=WEIGHT,
            vmin=min(0.0, least),
            vmax=most,
        )
        _hatch_negative(panel, grid[:shown], patch, clip)
        padding = grid[shown:].sum() / grid.sum() if shown < len(grid) else 0.0
        note = f" ({padding:.0%} on padding)" if padding else ""
        panel.set_title(f"{row.title}\n{title}{note}", fontsize=9)
        if number:
            panel.set_ylabel("")
    figure.colorbar(image, ax=list(panels), label="times uniform", pad=0.01)


def _hatch_negative(axes: Axes, grid: np.ndarray, patch: ResolvedPatch, clip: ClipInput) -> None:
    """Hatch patches with negative weights, which a scale of lightness alone does not show."""
    style = {"fill": False, "hatch": "////", "edgecolor": "w", "linewidth": 0}
    draw_cells(axes, grid < 0, patch, clip.fbank, clip.start, **style)


def _mark(axes: Axes, at: float | None, clip: ClipInput) -> None:
    """Mark the moment of the queries."""
    if at is not None:
        axes.axvline(at, color="w", linewidth=2.5)
        axes.axvline(at, color="k", linewidth=1, linestyle="--")
