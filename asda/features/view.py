"""Features of a clip: rows of a matrix, cropped, normalised and padded when they are read."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from asda.features.clip_range import ClipRange
from asda.features.matrix import Matrix
from asda.features.normalization import AnyNormalization


@dataclass(slots=True)
class FeatureView:
    """Rows of a matrix (rows, mel) as scale * x + offset; nothing is read before `read_into`.

    Rows beyond the end of the matrix are padding: zeros of the matrix's own domain, which become
    `offset`. Reading makes one pass over the stored bytes and writes to where the batch is built.

    Args:
        matrix: where the rows are taken from
        start: first row
        frames: number of rows of the view
        scale: factor of the values
        offset: added after scaling
    """

    matrix: Matrix
    start: int
    frames: int
    scale: float = 1.0
    offset: float = 0.0

    @property
    def shape(self) -> tuple[int, int]:
        """(frames, mel)."""
        return self.frames, self.matrix.shape[1]

    def read_into(self, out: np.ndarray) -> None:
        """Fill `out`, contiguous float32 of the view's shape.

        Raises:
            InputError: as `Matrix.read_into`.
        """
        valid = min(self.frames, self.matrix.shape[0] - self.start)
        self.matrix.read_into(out[:valid], self.start, self.scale, self.offset)
        out[valid:] = self.offset

    def read(self) -> np.ndarray:
        """Return the features, (frames, mel) float32."""
        features = np.empty(self.shape, np.float32)
        self.read_into(features)
        return features


@dataclass(slots=True)
class RangedView(FeatureView):
    """Rows of a matrix that are normalised by their own range; padding is 0.

    Args:
        ranges: how these rows are normalised
    """

    ranges: ClipRange = field(default_factory=ClipRange)

    def read_into(self, out: np.ndarray) -> None:
        """As `FeatureView.read_into`."""
        FeatureView.read_into(self, out)
        valid = min(self.frames, self.matrix.shape[0] - self.start)
        out[:valid] = self.ranges(out[:valid])


def normalised_view(
    matrix: Matrix, start: int, frames: int, normalization: AnyNormalization
) -> FeatureView:
    """Return the view of rows of log-mel features as a network takes them.

    Args:
        matrix, start, frames: as for `FeatureView`
        normalization: normalisation of the log-mel values
    """
    if isinstance(normalization, ClipRange):
        return RangedView(matrix, start, frames, ranges=normalization)
    return FeatureView(matrix, start, frames, normalization.scale, normalization.offset)
