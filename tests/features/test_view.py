"""Views: what is read, scaled and padded, and when."""

import numpy as np
import pytest

from asda.features.matrix import Values
from asda.features.view import FeatureView


class Counted(Values):
    """A matrix that counts how often it is read."""

    reads = 0

    def read_into(self, *arguments):
        self.reads += 1
        super().read_into(*arguments)


def test_nothing_is_read_before_it_is_asked_for():
    matrix = Counted(np.ones((9, 3)))
    view = FeatureView(matrix, 2, 5)
    assert view.shape == (5, 3) and matrix.reads == 0
    view.read()
    assert matrix.reads == 1


@pytest.mark.parametrize("start", [0, 4])
def test_rows_are_scaled_and_shifted(start):
    values = np.arange(30.0).reshape(10, 3)
    out = np.full((5, 3), np.nan, np.float32)
    FeatureView(Values(values), start, 5, 0.5, -2.0).read_into(out)
    np.testing.assert_array_equal(out, values[start : start + 5] * 0.5 - 2)


def test_rows_beyond_the_matrix_are_zeros_before_scaling():
    features = FeatureView(Values(np.ones((4, 3))), 1, 6, 0.5, 0.25).read()
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features, [[0.75] * 3] * 3 + [[0.25] * 3] * 3)
