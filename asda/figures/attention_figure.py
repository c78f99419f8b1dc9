"""`asda plot attention`: what tokens attend to, on the axes of the spectrogram."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from asda.figures.attention_maps import AttentionMaps, attention_maps
from asda.figures.canvas import WEIGHT, new_figure
from asda.figures.clip_input import ClipInput
from asda.figures.spectrogram import (
    draw_cells,
    draw_patches,
    draw_spectrogram,
    seconds_per_frame,
)
from asda.files import InputError
from asda.inference.audio_model import AudioModel
from asda.inference.computations import encoder_of
from asda.model.model_config import ResolvedModel, ResolvedPatch, patch_grid


@dataclass
class Row:
    """Attention of one query, at one layer, as grids of patches (time, freq) float32.

    Weights are multiples of uniform attention over all tokens.

    Attributes:
        title: layer and head
        time_patches: patches of the clip along time; further ones only fill the input up
        grids: title and grid of each map
    """

    title: str
    time_patches: int
    grids: list[tuple[str, np.ndarray]]


def chosen_layers(wanted: Sequence[int], config: ResolvedModel) -> list[int]:
    """Return numbers of blocks from 1, of which negative ones count from the last.

    Args:
        wanted: as the user gave them
        config: resolved configuration of the model

    Raises:
        InputError: if the model has no such layer.
    """
    depth = config.depth
    for layer in wanted:
        if not (1 <= layer <= depth or -depth <= layer <= -1):
            raise InputError(
                f"--layers: {layer} is out of range: the model has layers 1 to {depth}"
                f" (or -{depth} to -1, from the last)"
            )
    return sorted({layer if layer > 0 else depth + 1 + layer for layer in wanted})


def chosen_heads(wanted: Sequence[int], config: ResolvedModel) -> list[int]:
    """Return numbers of heads from 1; none stands for the mean of all.

    Raises:
        InputError: if the model has no such head.
    """
    for head in wanted:
        if not 1 <= head <= config.heads:
            raise InputError(
                f"--heads: {head} is out of range: the model has heads 1 to {config.heads}"
            )
    return sorted(set(wanted))


def query_tokens(clip: ClipInput, config: ResolvedModel, at: float | None) -> slice:
    """Return the tokens that attend: CLS, or the patches at a moment.

    Args:
        clip: the clip
        config: resolved configuration of the model
        at: seconds in the file; None = CLS

    Raises:
        InputError: if the moment lies outside the clip.
    """
    if at is None:
        return slice(0, 1)
    if not clip.start <= at < clip.end:
        raise InputError(f"--at: {at:g} s is not between {clip.start:.2f} and {clip.end:.2f} s")
    num_time, num_freq = patch_grid(config, len(clip.log_mel))
    frames = (at - clip.start) / seconds_per_frame(clip.fbank)
    first = 1 + min(int(frames / config.patch.time_stride), num_time - 1) * num_freq
    return slice(first, first + num_freq)


def attention_rows(
    model: AudioModel,
    clip: ClipInput,
    layers: Sequence[int],
    heads: Sequence[int],
    queries: slice,
) -> list[Row]:
    """Return one row per layer and head, of the mean over the queries.

    Args:
        model: the model
        clip: its input
        layers: numbers of blocks from 1
        heads: numbers of heads from 1; none = the mean of all
        queries: tokens
    """
    grid = patch_grid(model.saved.config, clip.features.shape[1])
    shown = patch_grid(model.saved.config, len(clip.log_mel))[0]
    rows = []
    for maps in attention_maps(encoder_of(model.network), clip.features, None, layers):
        for head in heads or (None,):
            name = "mean of the heads" if head is None else f"head {head}"
            grids = [
                (title, _grid(weights, head, queries, grid)) for title, weights in _titled(maps)
            ]
            rows.append(Row(f"layer {maps.layer}, {name}", shown, grids))
    return rows


def _titled(maps: AttentionMaps) -> list[tuple[str, Tensor]]:
    if maps.second is None:
        return [("attention", maps.first)]
    return [
        ("map 1", maps.first),
        ("map 2", maps.second),
        (f"map 1 − {maps.lam:.3g} · map 2", maps.difference),
    ]


def _grid(weights: Tensor, head: int | None, queries: slice, grid: tuple[int, int]) -> np.ndarray:
    """Return the attention on patches (time, freq), as multiples of uniform attention."""
    of_head = weights[0].mean(0) if head is None else weights[0, head - 1]
    row: np.ndarray = of_head[queries, 1:].mean(0).cpu().numpy()
    return row.reshape(grid) * weights.shape[3]


def draw_attention(
    patch: ResolvedPatch, clip: ClipInput, rows: Sequence[Row], title: str, at: float | None
) -> Figure:
    """Draw the spectrogram, and below it a row of maps for each layer and head.

    Args:
        patch: length, height and strides of the patches
        clip: the clip
        rows: of `attention_rows`
        title: of the figure
        at: seconds in the file of the queries; None = CLS
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
