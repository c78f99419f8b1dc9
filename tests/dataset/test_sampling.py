import itertools

import numpy as np
import pytest

from asda.dataset.sampling import TrainingBatches, scoring_batches


def lengths(count=103):
    return np.random.default_rng(0).integers(10, 100, count)


def test_an_epoch_visits_every_clip_at_most_once_and_nearly_all():
    batches = TrainingBatches(lengths(), 10, seed=1).epoch(0)
    assert batches.shape == (10, 10)
    assert len(np.unique(batches)) == 100


def test_epochs_and_seeds_differ_but_repeat():
    first = TrainingBatches(lengths(), 10, seed=1)
    assert (first.epoch(3) == TrainingBatches(lengths(), 10, seed=1).epoch(3)).all()
    assert (first.epoch(3) != first.epoch(4)).any()
    assert (first.epoch(3) != TrainingBatches(lengths(), 10, seed=2).epoch(3)).any()


@pytest.mark.parametrize("start", [0, 7, 10, 25])
def test_starting_later_skips_exactly_the_first_batches(start):
    whole = list(itertools.islice(TrainingBatches(lengths(), 10, seed=1), 40))
    rest = list(itertools.islice(TrainingBatches(lengths(), 10, seed=1, start=start), 40 - start))
    assert rest == whole[start:]


@pytest.mark.parametrize("weighted", [False, True])
def test_processes_share_an_epoch_without_overlap(weighted):
    weights = np.linspace(1, 2, 103) if weighted else None
    parts = [
        TrainingBatches(lengths(), 5, seed=1, weights=weights, rank=rank, world_size=4).epoch(2)
        for rank in range(4)
    ]
    assert all(part.shape == (5, 5) for part in parts)
    assert len(np.unique(np.concatenate(parts))) == 100


def test_batches_hold_similar_lengths():
    long_list = np.random.default_rng(0).integers(10, 1000, 5000)
    spread = {}
    for grouped in (False, True):
        batches = TrainingBatches(long_list, 10, seed=1, group_by_length=grouped).epoch(0)
        spread[grouped] = np.mean([np.ptp(long_list[batch]) for batch in batches])
    assert spread[True] < spread[False] / 10


def test_weighted_draws_follow_the_weights_without_repeats():
    weights = np.where(np.arange(1000) < 500, 1.0, 3.0)
    sampler = TrainingBatches(np.full(1000, 50), 10, seed=1, weights=weights, draws=100)
    drawn = [sampler.epoch(epoch).ravel() for epoch in range(50)]
    assert all(len(np.unique(epoch)) == 100 for epoch in drawn)
    heavy = np.mean(np.concatenate(drawn) >= 500)
    assert abs(heavy - 0.74) < 0.02  # 3:1, a little less as heavy clips run out


def test_a_clip_of_weight_zero_is_never_drawn():
    weights = np.ones(50)
    weights[7] = 0
    sampler = TrainingBatches(np.full(50, 50), 10, seed=1, weights=weights, draws=40)
    assert all(7 not in sampler.epoch(epoch) for epoch in range(50))


def test_a_list_smaller_than_a_batch_still_fills_one():
    batches = TrainingBatches(np.array([5, 6, 7]), 8, seed=1).epoch(0)
    assert batches.shape == (1, 8)
    assert set(batches.ravel()) == {0, 1, 2}


def test_scoring_takes_every_clip_once():
    parts = [scoring_batches(lengths(), 10, rank, 3) for rank in range(3)]
    indices = [index for part in parts for batch in part for _, index in batch]
    assert sorted(indices) == list(range(103))
