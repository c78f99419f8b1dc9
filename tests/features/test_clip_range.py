"""Normalisation by clip, against decibels and their extremes as BAT has them."""

import numpy as np
import pytest

from asda.features.clip_range import ClipRange
from asda.features.matrix import Values
from asda.features.normalization import Normalization, normalization_of
from asda.features.view import normalised_view


def plain(log_mel):
    """Energies in decibels, the loudest 80 of them, from 0 to 1."""
    decibels = 10 * np.log10(np.exp(log_mel.astype(np.float64)))
    decibels = np.maximum(decibels, decibels.max() - 80)
    low, high = decibels.min(), decibels.max()
    return (decibels - low) / (high - low + 1e-8)


@pytest.mark.parametrize("std", [1.0, 6.0])  # within the range of 80 dB, and beyond it
def test_values_are_those_of_decibels_from_0_to_1(std):
    log_mel = np.random.default_rng(0).normal(-6, std, (50, 16)).astype(np.float32)
    found = ClipRange()(log_mel)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, plain(log_mel), atol=1e-6)
    assert (found.min(), found.max()) == (0, pytest.approx(1))
    assert ((found == 0).sum() > 1) == (np.ptp(log_mel) > 8 * np.log(10))


def test_a_change_of_level_changes_nothing():
    log_mel = np.random.default_rng(0).normal(-6, 3, (50, 16)).astype(np.float32)
    np.testing.assert_allclose(ClipRange()(log_mel + 5), ClipRange()(log_mel), atol=1e-6)


def test_a_clip_of_equal_values_becomes_zeros():
    assert not ClipRange()(np.full((3, 4), -15.9424, np.float32)).any()


@pytest.mark.parametrize("start", [0, 7])
def test_a_view_is_normalised_by_its_own_rows_and_padded_with_zeros(start):
    log_mel = np.random.default_rng(0).normal(-6, 3, (20, 4)).astype(np.float32)
    view = normalised_view(Values(log_mel), start, 16, ClipRange())
    assert view.shape == (16, 4)
    rows = log_mel[start : start + 16]
    found = view.read()
    np.testing.assert_allclose(found[: len(rows)], plain(rows), atol=1e-6)
    assert not found[len(rows) :].any()


def test_a_model_file_says_which_normalisation_it_has():
    for norm in (ClipRange(), ClipRange(60.0), Normalization(-4.0, 3.0)):
        assert normalization_of(vars(norm)) == norm


@pytest.mark.parametrize(
    "values", [{"range_db": 0.0}, {"range_db": float("nan")}, {"mean": -4.0, "std": 0.0}]
)
def test_impossible_normalisations_are_refused(values):
    with pytest.raises(ValueError, match="normalisation by"):
        normalization_of(values)
