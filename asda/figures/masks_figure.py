"""`asda plot masks`: the patches that the student sees, and the error of its predictions."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from asda.canvas import WEIGHT, new_figure
from asda.figures.clip_input import ClipInput
from asda.figures.masked_prediction import MaskedPrediction
from asda.figures.spectrogram import draw_cells, draw_patches, draw_spectrogram
from asda.model.model_config import ResolvedPatch


def draw_masks(
    clip: ClipInput, found: MaskedPrediction, patch: ResolvedPatch, title: str
) -> Figure:
    """Draw spectrogram, visible patches of the first mask, its errors, and those of all masks.

    Args:
        clip: the clip
        found: masks of the clip and the errors of their predictions
        patch: length, height and strides of the patches
        title: title of the figure
    """
    figure = new_figure(7.5, 9.2, title)
    panels = figure.subplots(4, 1, sharex=True)
    for panel in panels[:2]:
        sound = draw_spectrogram(panel, clip.log_mel, clip.fbank, clip.start)
    figure.colorbar(sound, ax=panels[:2], label="level (dB)", pad=0.01)
    first = found.visible[0]
    _cover(panels[1], first, clip, patch)
    hidden = np.where(first, np.nan, found.error[0])
    top = max(1.0, float(np.nanmax([hidden, found.mean_error])))
    for panel, grid in zip(panels[2:], (hidden, found.mean_error), strict=True):
        options = {"cmap": WEIGHT, "vmin": 0.0, "vmax": top}
        image = draw_patches(panel, grid, patch, clip.fbank, clip.end, clip.start, **options)
    _hatch_unknown(panels[2:], found, clip, patch)
    figure.colorbar(image, ax=panels[2:], label="squared error per channel", pad=0.01)
    masks = len(found.visible)
    titles = (
        "spectrogram",
        f"what the student sees with mask 1 ({first.mean():.0%} of the patches; the rest is grey)",
        f"error of the prediction with mask 1, mean {np.nanmean(hidden):.2f} (hatched: visible)",
        f"mean error over the masks that hide a patch, of {masks}, mean"
        f" {np.nanmean(found.mean_error):.2f}",
    )
    for panel, text in zip(panels, titles, strict=True):
        panel.set_title(text, fontsize=9)
        if panel is not panels[-1]:
            panel.set_xlabel("")
    return figure


def _cover(axes: Axes, visible: np.ndarray, clip: ClipInput, patch: ResolvedPatch) -> None:
    """Cover the patches that the student does not see."""
    style = {"facecolor": "0.6", "edgecolor": "0.45", "linewidth": 0.4}
    draw_cells(axes, ~visible, patch, clip.fbank, clip.start, **style)


def _hatch_unknown(
    panels: np.ndarray, found: MaskedPrediction, clip: ClipInput, patch: ResolvedPatch
) -> None:
    """Hatch patches without an error, because they were visible."""
    style = {"fill": False, "hatch": "///", "edgecolor": "0.6", "linewidth": 0}
    for panel, cells in zip(panels, (found.visible[0], found.visible.all(0)), strict=True):
        draw_cells(panel, cells, patch, clip.fbank, clip.start, **style)
