"""Which patches of a clip the student sees (algorithm.md 4)."""

from __future__ import annotations

import numpy as np

from asda.model.model_config import MaskConfig


def sample_visible(
    num_time: int, num_freq: int, num_masks: int, config: MaskConfig, rng: np.random.Generator
) -> np.ndarray:
    """Draw the patches that stay visible, for each clone of a clip.

    Patches of blocks around random cells come first; where they are too many, random ones go,
    where they are too few, random others join them.

    Returns:
        (num_masks, kept) int64, ascending in each row; patch n = time * num_freq + frequency.
    """
    tokens = num_time * num_freq
    kept = max(1, int(tokens * (1 - config.ratio)))
    order = rng.random((num_masks, tokens))
    if config.sampler == "block":
        order += _blocks(num_time, num_freq, num_masks, config, rng)
    first = np.argpartition(-order, kept - 1, axis=1)[:, :kept]
    return np.sort(first, axis=1)


def _blocks(
    num_time: int, num_freq: int, num_masks: int, config: MaskConfig, rng: np.random.Generator
) -> np.ndarray:
    """Return (num_masks, tokens) with 1 in blocks around random cells, cut at the edges."""
    tokens = num_time * num_freq
    area = config.block_time * config.block_freq
    seeds = rng.integers(tokens, size=(num_masks, num_blocks(tokens, area, config)))
    marked = np.zeros((num_masks, num_time, num_freq))
    for clone, cells in enumerate(seeds):
        for cell in cells:
            time, freq = divmod(cell, num_freq)
            marked[clone][_span(time, config.block_time), _span(freq, config.block_freq)] = 1
    return marked.reshape(num_masks, tokens)


def num_blocks(tokens: int, area: int, config: MaskConfig) -> int:
    """Return how many blocks of `area` patches are drawn: 5 for 512 tokens, the base setting."""
    return int(tokens * ((1 - config.ratio + config.adjust) / area))


def _span(centre: int, length: int) -> slice:
    start = centre - length // 2
    return slice(max(0, start), start + length)
