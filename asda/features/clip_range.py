"""Normalisation of a clip by its own smallest and largest value."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ClipRange:
    """Features in decibels, of which the loudest `range_db` of a clip are mapped to 0..1.

    With the largest value M of a clip and its smallest one m, but at least M - range_db, they are
    (max(x, m) - m) / (M - m). This is the front end of BAT (Ghaffari et al. 2026,
    arXiv:2602.16305; `SSLDataTransforms` in data/bat_audio_datasets.py of its code at commit
    34632af: `AmplitudeToDB(top_db=80)`, then `minmax_normalize`). Values in decibels are log-mel
    values times 10 / ln 10, a factor that cancels; and padding is 0, like the quietest value. A
    clip is what the network takes at once: a crop, or a window of a longer clip
    (docs/algorithm.md#normalisation-by-clip).

    Args:
        range_db: largest distance from the loudest value to the one that becomes 0, in dB
    """

    range_db: float = 80.0

    def __post_init__(self) -> None:
        if not 0 < self.range_db < math.inf:
            raise ValueError(f"normalisation by the loudest {self.range_db} dB of a clip")

    def __call__(self, log_mel: np.ndarray) -> np.ndarray:
        """Return the normalised values of one clip (frames, mel) float32."""
        high = log_mel.max()
        low = np.maximum(log_mel.min(), high - np.float32(self.log_range))
        # A clip of equal values becomes zeros.
        scale = np.float32(1 / (high - low)) if high > low else np.float32(0)
        features: np.ndarray = (np.maximum(log_mel, low) - low) * scale
        return features

    @property
    def log_range(self) -> float:
        """The range in natural logarithms of energies, as log-mel values are."""
        return self.range_db * math.log(10) / 10

    @property
    def fill(self) -> float:
        """Normalised value of padding."""
        return 0.0
