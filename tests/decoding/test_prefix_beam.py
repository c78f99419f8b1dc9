"""Decoding against sums over all paths."""

import numpy as np
import pytest
from decoding.paths import PIECES, all_paths, by_brute_force, collapsed, random_log_probs, spell

from asda.decoding.alignment import unit_steps
from asda.decoding.decoders import make_decoder
from asda.decoding.decoding_config import DecodingConfig
from asda.decoding.greedy import greedy
from asda.decoding.prefix_beam import PrefixBeamSearch

EXACT = DecodingConfig(method="beam", beam=10**6, prune=float("inf"))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("steps", "units"), [(1, 2), (3, 3), (5, 4), (7, 3)])
def test_with_a_full_beam_the_best_of_all_sequences_is_found_with_its_probability(
    seed, steps, units
):
    log_probs = random_log_probs(seed, steps, units)
    sums = by_brute_force(log_probs)
    found = PrefixBeamSearch(EXACT, PIECES[:units])(log_probs)
    assert found.score == pytest.approx(max(sums.values()), abs=1e-6)
    assert found.score == pytest.approx(sums[found.units], abs=1e-6)


@pytest.mark.parametrize("seed", range(12))
def test_steps_are_those_of_the_best_path_that_spells_the_units(seed):
    log_probs = random_log_probs(seed, 6, 3)
    found = PrefixBeamSearch(EXACT, PIECES[:3])(log_probs)
    paths = [
        (score, path) for path, score in all_paths(log_probs) if collapsed(path) == found.units
    ]
    _, best = max(paths)
    begins = [n for n, u in enumerate(best) if u and (n == 0 or best[n - 1] != u)]
    assert found.steps == tuple(begins)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("beam", [1, 2, 4, 8])
def test_beam_search_finds_nothing_less_probable_than_greedy_decoding(seed, beam):
    log_probs = random_log_probs(seed, 6, 4, sharpness=2)
    sums = by_brute_force(log_probs)
    search = PrefixBeamSearch(DecodingConfig(method="beam", beam=beam), PIECES)
    found = search(log_probs)
    if beam >= 4:  # a narrow beam may lose the sequence of the best path
        assert sums[found.units] >= sums[greedy(log_probs).units] - 1e-6
    assert found.score <= sums[found.units] + 1e-6


def test_paths_that_spell_the_same_are_added_up():
    """P(no unit) = 0.6² = 0.36; P(a) = 0.4² + 2 · 0.4 · 0.6 = 0.64: the textbook example."""
    log_probs = spell([0.6, 0, 0.4], [0.6, 0, 0.4])
    assert greedy(log_probs).units == ()
    found = make_decoder(DecodingConfig(method="beam"), UnitsOf(PIECES))(log_probs)
    assert found.units == (2,)
    assert found.score == pytest.approx(np.log(0.64))


def test_a_repeated_unit_needs_a_blank_in_between():
    together, apart = [0.01, 0, 0.99], [0.98, 0.01, 0.01]
    search = PrefixBeamSearch(EXACT, PIECES)
    assert search(spell(together, together)).units == (2,)
    assert search(spell(together, apart, together)).units == (2, 2)
    assert search(spell(together, apart, together)).steps == (0, 2)


def test_of_equally_probable_sequences_the_same_one_is_found_each_time():
    log_probs = spell(*[[0.25] * 4] * 5)
    search = PrefixBeamSearch(DecodingConfig(method="beam", beam=3), PIECES)
    assert len({search(log_probs) for _ in range(5)}) == 1


def test_units_far_below_the_best_of_a_step_are_not_tried():
    log_probs = spell([0.9, 0.05, 0.05], [0.05, 0.9, 0.05])
    wide = PrefixBeamSearch(DecodingConfig(method="beam", prune=5), PIECES)(log_probs)
    narrow = PrefixBeamSearch(DecodingConfig(method="beam", prune=1), PIECES)(log_probs)
    assert wide.units == narrow.units == (1,)
    assert narrow.score == pytest.approx(np.log(0.9 * 0.9))
    assert wide.score == pytest.approx(np.log(0.9 * 0.9 + 0.05 * 0.9 + 0.05 * 0.05))


def test_an_utterance_without_steps_has_no_units():
    empty = np.zeros((0, 4), np.float32)
    for method in ("greedy", "beam"):
        found = make_decoder(DecodingConfig(method=method), UnitsOf(PIECES))(empty)
        assert (found.units, found.steps, found.score) == ((), (), 0.0)


def test_words_count_where_they_are_rewarded():
    """b and ▁a are equally probable, so that the bonus decides."""
    log_probs = spell([0.2, 0, 0.4, 0.4])
    found = {
        bonus: PrefixBeamSearch(DecodingConfig(method="beam", word_bonus=bonus), PIECES)(log_probs)
        for bonus in (-1.0, 1.0)
    }
    assert found[-1.0].units == (3,)
    assert found[1.0].units == (2,)
    assert found[1.0].score == pytest.approx(np.log(0.4) + 1)


@pytest.mark.parametrize("seed", range(8))
def test_alignment_is_that_of_torchaudio(seed):
    torch = pytest.importorskip("torch")
    forced_align = pytest.importorskip("torchaudio.functional").forced_align
    rng = np.random.default_rng(seed)
    log_probs = random_log_probs(seed, 30, 6)
    units = tuple(rng.integers(1, 6, size=8).tolist())
    path, _ = forced_align(
        torch.tensor(log_probs)[None], torch.tensor(units, dtype=torch.int32)[None]
    )
    path = path[0].numpy()
    begins = np.flatnonzero((path > 0) & np.concatenate([[True], path[1:] != path[:-1]]))
    assert unit_steps(log_probs, units) == tuple(begins)


class UnitsOf:
    """A unit model as far as decoders know it."""

    def __init__(self, pieces):
        self.pieces = pieces
