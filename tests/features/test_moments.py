"""Moments against numpy, and their file."""

import numpy as np
import pytest

from asda.features.moments import Moments, read_moments
from asda.files import InputError


def test_sum_of_parts_is_the_whole():
    matrix = np.random.default_rng(0).normal(-6.5, 4.2, (999, 128)).astype(np.float32)
    whole = Moments.of(matrix)
    parts = Moments.of(matrix[:100]) + Moments.of(matrix[100:])
    exact = matrix.astype(np.float64)
    for moments in (whole, parts):
        assert moments.count == 999 * 128
        assert moments.mean == pytest.approx(exact.mean(), rel=1e-12)
        assert moments.std == pytest.approx(exact.std(), rel=1e-12)


def test_constant_has_no_deviation():
    assert Moments.of(np.full((3, 7), -15.9424, np.float32)).std == pytest.approx(0, abs=1e-6)


def test_lines_keep_every_digit(tmp_path):
    moments = Moments.of(np.random.default_rng(1).normal(size=(5, 3)))
    (tmp_path / "utt2moments").write_text(f"a {moments}\nb 1 2.5 6.25\n")
    assert read_moments(tmp_path / "utt2moments") == {"a": moments, "b": Moments(1, 2.5, 6.25)}


@pytest.mark.parametrize("line", ["b 1 2", "b 1 nan 3", "b 1 2 inf", "b 0 0 0"])
def test_wrong_line_is_named(tmp_path, line):
    (tmp_path / "utt2moments").write_text(f"a 1 2 3\n{line}\n")
    with pytest.raises(InputError, match=r"utt2moments:2: expected 'utterance count sum"):
        read_moments(tmp_path / "utt2moments")
