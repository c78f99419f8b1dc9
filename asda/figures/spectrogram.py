"""Axes of seconds and hertz, and the spectrogram and patch grids drawn on them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from asda.canvas import SOUND
from asda.features.fbank_config import FbankConfig
from asda.model.model_config import ResolvedPatch

DECIBELS = 10 / math.log(10)  # of a natural logarithm of energy
RANGE_DB = 80  # below the loudest value; what is softer is drawn as silence
ROUND_FREQUENCIES = (100, 250, 500, 1000, 2000, 4000, 8000, 16000, 32000, 64000, 128000)
LEAST_GAP = 0.07  # between two ticks, as a fraction of the axis


def draw_spectrogram(
    axes: Axes, log_mel: np.ndarray, config: FbankConfig, start: float = 0.0
) -> AxesImage:
    """Draw log-mel features in decibels, 0 dB = the loudest value.

    Args:
        axes: where to draw
        log_mel: (frames, mel) float32, natural logarithms of energies
        config: settings of the features
        start: seconds in the file at which the features begin
    """
    level = (log_mel - log_mel.max()) * DECIBELS
    frames, bins = log_mel.shape
    image = axes.imshow(
        level.T,
        origin="lower",
        aspect="auto",
        cmap=SOUND,
        vmin=-RANGE_DB,
        vmax=0,
        interpolation="nearest",
        extent=(start, start + frames * config.frame_seconds, 0, bins),
    )
    time_and_frequency(axes, config)
    return image


def draw_patches(
    axes: Axes,
    grid: np.ndarray,
    patch: ResolvedPatch,
    config: FbankConfig,
    end: float,
    start: float = 0.0,
    **options: Any,
) -> AxesImage:
    """Draw one value per patch on the axes of the spectrogram.

    Patches that overlap are drawn from the start of each to the start of the next.

    Args:
        axes: where to draw
        grid: (time, freq) float
        patch: length, height and strides of the patches
        config: settings of the features
        end: seconds in the file at which the clip ends, and with it the time axis
        start: seconds in the file at which the clip begins
        options: further options of `Axes.imshow`
    """
    seconds = patch.time_stride * config.frame_seconds
    image = axes.imshow(
        grid.T,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        extent=(start, start + grid.shape[0] * seconds, 0, grid.shape[1] * patch.freq_stride),
        **options,
    )
    axes.set_xlim(start, end)
    time_and_frequency(axes, config)
    return image


def draw_cells(
    axes: Axes,
    cells: np.ndarray,
    patch: ResolvedPatch,
    config: FbankConfig,
    start: float = 0.0,
    **style: Any,
) -> None:
    """Draw a rectangle on each chosen patch, on the axes of `draw_patches`.

    Args:
        axes: where to draw
        cells: (time, freq) bool
        patch: length, height and strides of the patches
        config: settings of the features
        start: seconds in the file at which the clip begins
        style: options of `matplotlib.patches.Rectangle`
    """
    seconds = patch.time_stride * config.frame_seconds
    for time, freq in np.argwhere(cells):
        corner = start + time * seconds, freq * patch.freq_stride
        axes.add_patch(Rectangle(corner, seconds, patch.freq_stride, **style))


def time_and_frequency(axes: Axes, config: FbankConfig) -> None:
    """Name both axes, with ticks at round frequencies; y counts mel bins from the lowest."""
    ticks = frequency_ticks(config)
    axes.set_yticks([position for position, _ in ticks], [f"{hertz}" for _, hertz in ticks])
    axes.set_ylim(0, config.num_mel_bins)
    axes.set(xlabel="time (s)", ylabel="frequency (Hz)")
    axes.tick_params(labelsize=8)


def frequency_ticks(config: FbankConfig) -> list[tuple[float, int]]:
    """Return positions in mel bins and their frequencies in Hz, not too close to one another."""
    ticks: list[tuple[float, int]] = []
    for hertz in ROUND_FREQUENCIES:
        # A filter is drawn from half a bin below its peak, which lies at its number + 1.
        position = config.filter_position(hertz) - 0.5
        far = not ticks or position - ticks[-1][0] >= LEAST_GAP * config.num_mel_bins
        if position >= 0 and hertz <= config.upper_freq and far:
            ticks.append((min(position, config.num_mel_bins), hertz))
    return ticks
