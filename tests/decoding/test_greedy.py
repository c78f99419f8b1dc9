"""Greedy decoding."""

import numpy as np
import pytest

from asda.decoding.decoders import make_decoder
from asda.decoding.decoding_config import DecodingConfig
from asda.decoding.greedy import greedy


def test_blanks_and_repetitions_are_left_out_and_runs_begin_at_their_first_step():
    path = [0, 2, 2, 0, 2, 3, 3, 1, 0]
    log_probs = np.full((len(path), 4), np.log(0.1), np.float32)
    log_probs[np.arange(len(path)), path] = np.log(0.7)
    found = greedy(log_probs)
    assert found.units == (2, 2, 3, 1)
    assert found.steps == (1, 4, 5, 7)
    assert found.score == pytest.approx(9 * np.log(0.7), rel=1e-6)
    assert all(type(number) is int for number in found.units + found.steps)


def test_of_equally_probable_units_the_first_is_taken():
    assert greedy(np.zeros((2, 3), np.float32)).units == ()


def test_only_blanks_are_no_units():
    found = greedy(np.log(np.array([[0.9, 0.1]] * 3, np.float32)))
    assert (found.units, found.steps) == ((), ())


def test_an_n_gram_is_refused_with_greedy_decoding():
    with pytest.raises(ValueError, match="lm needs the decoding method beam"):
        DecodingConfig(lm="lm.arpa")


@pytest.mark.parametrize("setting", [{"beam": 0}, {"prune": -1.0}, {"lm_weight": float("nan")}])
def test_settings_outside_their_range_are_refused(setting):
    with pytest.raises(ValueError, match=next(iter(setting))):
        DecodingConfig(method="beam", **setting)


def test_greedy_decoding_is_the_default():
    assert make_decoder(DecodingConfig(), None) is greedy
