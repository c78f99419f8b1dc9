"""Windows that overlap, cut at blanks."""

import numpy as np
import pytest

from asda.decoding.greedy import greedy
from asda.decoding.joined_windows import cut_between, decoded, pieces


def outputs(path, units=4, sure=0.9):
    """Return log probabilities (steps, units) whose best unit at each step is given."""
    probs = np.full((len(path), units), (1 - sure) / (units - 1), np.float32)
    probs[np.arange(len(path)), path] = sure
    return np.log(probs)


def windows(rows, length, hop):
    starts = [*range(0, len(rows) - length, hop), len(rows) - length]
    return [(start, rows[start : start + length]) for start in starts]


@pytest.mark.parametrize(("length", "hop"), [(20, 15), (12, 8), (59, 50), (10, 9)])
def test_windows_that_agree_are_joined_exactly(length, hop):
    path = np.random.default_rng(0).choice(4, 60, p=[0.7, 0.1, 0.1, 0.1])
    rows = outputs(path)
    parts = list(pieces(windows(rows, length, hop)))
    assert [first for first, _ in parts] == np.cumsum(
        [0, *(len(x) for _, x in parts[:-1])]
    ).tolist()
    np.testing.assert_array_equal(np.concatenate([x for _, x in parts]), rows)


def test_a_unit_that_windows_place_differently_is_neither_lost_nor_doubled():
    """Both hear unit 2 between 1 and 3, a step apart; the longest pause is after it."""
    before = outputs([0, 1, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0])
    after = outputs([0, 0, 2, 0, 0, 0, 0, 0, 0, 3, 0, 0])
    found = decoded([(0, before), (4, after)], greedy).hypothesis
    assert (found.units, found.steps) == ((1, 2, 3), (1, 5, 13))
    assert cut_between((0, before), (4, after)) == (9, True)  # the middle of steps 7 to 11


def test_the_first_of_two_ends_of_a_word_that_one_window_does_not_hear_is_kept():
    before = outputs([0, 0, 1, 2, 3, 0, 0, 0])  # the later window begins within the word
    after = outputs([0, 3, 0, 0, 0, 0, 1, 0])
    assert decoded([(0, before), (3, after)], greedy).hypothesis.units == (1, 2, 3, 1)


def test_of_equally_long_pauses_the_one_nearest_to_the_middle_is_cut():
    rows = outputs([0, 0, 1, 0, 0, 1, 0, 0, 1, 1])
    assert cut_between((0, rows), (0, rows)) == (4, True)


def test_without_a_sure_blank_the_most_probable_one_is_cut():
    rows = outputs([1, 2, 1, 2, 1, 2])
    rows[4, 0] = np.log(0.4)
    assert cut_between((0, rows), (0, rows)) == (4, False)


def test_a_unit_that_is_cut_without_a_blank_is_still_one():
    rows = outputs([0, 1, 1, 1, 1, 1, 1, 0])
    parts = [(0, rows[:5]), (3, rows[3:])]
    assert [len(x) for _, x in pieces(parts)] == [8]
    assert decoded(parts, greedy).hypothesis == greedy(rows)


def test_cuts_stay_in_order_when_three_windows_share_steps():
    path = [0] * 12
    parts = [(0, outputs(path[:10])), (4, outputs(path[:7])), (5, outputs(path[:7]))]
    assert sum(len(rows) for _, rows in pieces(parts)) == 12


def test_the_probability_of_each_unit_is_that_at_its_step():
    rows = outputs([0, 1, 1, 0, 2, 0])
    rows[1, 1] = np.log(0.6)
    assert np.exp(decoded([(0, rows)], greedy).log_probs) == pytest.approx([0.6, 0.9])
    assert not len(decoded([(0, outputs([0, 0]))], greedy).log_probs)
