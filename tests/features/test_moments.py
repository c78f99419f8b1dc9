"""Moments against numpy, and their file."""

import numpy as np
import pytest

from asda.corpus import packed_names
from asda.corpus.packed_table import read_packed
from asda.features.moments import Moments, read_moments, summed_moments
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


@pytest.mark.parametrize("step", [1, -1, 5])
def test_the_sum_of_a_table_is_rounded_as_when_adding_one_by_one(tmp_path, monkeypatch, step):
    monkeypatch.setattr(packed_names, "TOGETHER", 32)
    rng = np.random.default_rng(2)
    each = [Moments(n + 1, *rng.normal(size=2).tolist()) for n in range(999)]
    path = tmp_path / "utt2moments"
    path.write_text("".join(f"u{n:03d} {moments}\n" for n, moments in enumerate(each)))
    expected = sum(each[::step], Moments(0, 0.0, 0.0))
    assert summed_moments(path, read_packed(path), np.arange(999)[::step]) == expected
    assert np.sum([moments.total for moments in each[::step]]) != expected.total


@pytest.mark.parametrize("line", ["1 2", "1 nan 3", "1 2 inf", "0 0 0", "1.5 0 0", "1 2 3 4"])
def test_a_wrong_line_of_those_that_are_added_is_named(tmp_path, line):
    path = tmp_path / "utt2moments"
    path.write_text(f"a 1 2 3\nb {line}\nc 1 2 3\n")
    table = read_packed(path)
    assert summed_moments(path, table, np.array([0, 2])) == Moments(2, 4.0, 6.0)
    with pytest.raises(InputError, match=r"utt2moments:2: expected 'utterance count sum"):
        summed_moments(path, table, np.array([0, 1, 2]))
