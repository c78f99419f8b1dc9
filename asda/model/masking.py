"""Inverse block masking: which patches of a clip the student sees."""

from __future__ import annotations

import numpy as np

from asda.model.part_configs import MaskConfig


def sample_visible(
    num_time: int, num_freq: int, num_masks: int, config: MaskConfig, rng: np.random.Generator
) -> np.ndarray:
    """Draw the visible patches of a clip, for each of its masks (docs/algorithm.md#masking).

    Patches in blocks around random cells are preferred. If there are too many of them, random ones
    are left out; if there are too few, random patches outside the blocks are added.

    Returns:
        (num_masks, visible) int64, ascending in each row; patch n = time * num_freq + frequency.
    """
    patches = num_time * num_freq
    visible = max(1, int(patches * (1 - config.ratio)))
    # Random numbers in 0..1 order the patches; adding 1 puts those in blocks before all others.
    priority = rng.random((num_masks, patches))
    if config.sampler == "block":
        priority += _blocks(num_time, num_freq, num_masks, config, rng)
    first = np.argpartition(-priority, visible - 1, axis=1)[:, :visible]
    return np.sort(first, axis=1)


def _blocks(
    num_time: int, num_freq: int, num_masks: int, config: MaskConfig, rng: np.random.Generator
) -> np.ndarray:
    """Return (num_masks, patches) with 1 in blocks around random cells, cut at the edges."""
    patches = num_time * num_freq
    area = config.block_time * config.block_freq
    centres = rng.integers(patches, size=(num_masks, num_blocks(patches, area, config)))
    marked = np.zeros((num_masks, num_time, num_freq))
    for grid, cells in zip(marked, centres, strict=True):
        for cell in cells:
            time, freq = divmod(cell, num_freq)
            grid[_span(time, config.block_time), _span(freq, config.block_freq)] = 1
    return marked.reshape(num_masks, patches)


def num_blocks(patches: int, area: int, config: MaskConfig) -> int:
    """Return how many blocks of `area` patches are drawn: at the base setting 5 for 512 patches."""
    return int(patches * ((1 - config.ratio + config.adjust) / area))


def _span(centre: int, length: int) -> slice:
    start = centre - length // 2
    return slice(max(0, start), start + length)
