"""Values between the rows or columns of a matrix."""

from __future__ import annotations

import numpy as np


def interpolated(matrix: np.ndarray, positions: np.ndarray, axis: int) -> np.ndarray:
    """Interpolate a matrix linearly at fractional positions along an axis."""
    low = np.floor(positions).astype(np.int64)
    high = np.minimum(low + 1, matrix.shape[axis] - 1)
    frac = (positions - low).astype(np.float32)
    frac = frac[:, None] if axis == 0 else frac[None, :]
    return matrix.take(low, axis) * (1 - frac) + matrix.take(high, axis) * frac
