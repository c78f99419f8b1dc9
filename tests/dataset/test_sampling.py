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
    options = {"weights": weights, "draws": 102}
    parts = [
        TrainingBatches(lengths(), 5, seed=1, rank=rank, world_size=4, **options).epoch(2)
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


@pytest.mark.parametrize(("draws", "clips"), [(12, 12), (900, 60)])
def test_an_epoch_of_uniform_draws_repeats_no_clip(draws, clips):
    batches = TrainingBatches(np.full(60, 50), 4, seed=1, draws=draws)
    epochs = [batches.epoch(number).ravel() for number in (0, 1)]
    assert [len(set(epoch)) for epoch in epochs] == [clips, clips]
    assert not np.array_equal(*epochs)


def test_weighted_draws_follow_the_weights_without_repeats():
    weights = np.where(np.arange(1000) < 500, 1.0, 3.0)
    sampler = TrainingBatches(np.full(1000, 50), 10, seed=1, weights=weights, draws=100)
    drawn = [sampler.epoch(epoch).ravel() for epoch in range(50)]
    assert all(len(np.unique(epoch)) == 100 for epoch in drawn)
    heavy = np.mean(np.concatenate(drawn) >= 500)
    assert abs(heavy - 0.74) < 0.02  # 3:1, a little less as heavy clips run out


@pytest.mark.parametrize("draws", [None, 1000, 2000])
def test_as_many_draws_as_clips_still_follow_the_weights(draws):
    weights = np.where(np.arange(1000) < 500, 1.0, 3.0)
    sampler = TrainingBatches(np.full(1000, 50), 10, seed=1, weights=weights, draws=draws)
    drawn = np.stack([sampler.epoch(epoch).ravel() for epoch in range(50)])
    assert drawn.shape == (50, draws or 1000)
    counts = np.bincount(drawn.ravel(), minlength=1000)
    ratio = counts[500:].sum() / counts[:500].sum()
    assert abs(ratio - 3) < 0.15
    assert counts.min() > 0
    again = TrainingBatches(np.full(1000, 50), 10, seed=1, weights=weights, draws=draws)
    assert (again.epoch(7).ravel() == drawn[7]).all()


@pytest.mark.parametrize("draws", [40, 49, 50, 200])
def test_a_clip_of_weight_zero_is_never_drawn(draws):
    weights = np.ones(50)
    weights[7] = 0
    sampler = TrainingBatches(np.full(50, 50), 10, seed=1, weights=weights, draws=draws)
    assert all(7 not in sampler.epoch(epoch) for epoch in range(50))


def test_a_list_smaller_than_a_batch_still_fills_one():
    batches = TrainingBatches(np.array([5, 6, 7]), 8, seed=1).epoch(0)
    assert batches.shape == (1, 8)
    assert set(batches.ravel()) == {0, 1, 2}


def test_scoring_takes_every_clip_once():
    parts = [scoring_batches(lengths(), 10, rank, 3) for rank in range(3)]
    indices = [index for part in parts for batch in part for _, index in batch]
    assert sorted(indices) == list(range(103))


def in_blocks(clips=1000, buffer=80, block=10, seed=1, **options):
    """Return batches of clips that lie on the disk in another order than they are listed in."""
    disk_order = np.random.default_rng(9).permutation(clips)
    options = {"lengths": np.full(clips, 50), "batch_size": 8} | options
    return TrainingBatches(**options, seed=seed, disk_order=disk_order, buffer=buffer, block=block)


@pytest.mark.parametrize("grouped", [False, True])
def test_an_epoch_of_blocks_visits_every_clip_once(grouped):
    epochs = [in_blocks(group_by_length=grouped).epoch(epoch) for epoch in range(2)]
    for batches in epochs:
        assert sorted(batches.ravel()) == list(range(1000))
    assert (epochs[0] != epochs[1]).any()
    assert (epochs[0] == in_blocks(group_by_length=grouped).epoch(0)).all()
    assert (epochs[0] != in_blocks(group_by_length=grouped, seed=2).epoch(0)).any()


@pytest.mark.parametrize("grouped", [False, True])
def test_a_buffer_holds_whole_blocks_from_all_over_the_disk(grouped):
    lengths = np.random.default_rng(3).integers(10, 100, 1000)
    batches = in_blocks(group_by_length=grouped, lengths=lengths)
    order = batches.epoch(0)
    blocks = batches.disk_order[order] // 10
    spans = []
    for first in range(0, 120, 10):  # 10 batches of 8 clips fill the buffer; the last is short
        found, counts = np.unique(blocks[first : first + 10], return_counts=True)
        assert len(found) == 8 and (counts == 10).all()
        spans.append(np.ptp(found))
    assert np.mean(spans) > 60  # of 99; eight blocks side by side would span 7
    # in a batch, blocks are mixed
    assert np.mean([len(np.unique(batch)) for batch in blocks]) > 4.5


def test_lengths_are_sorted_within_a_buffer():
    lengths = np.random.default_rng(3).integers(10, 1000, 5000)
    options = {"clips": 5000, "lengths": lengths, "buffer": 400, "block": 20}
    spread = {
        grouped: np.mean(
            [np.ptp(lengths[b]) for b in in_blocks(group_by_length=grouped, **options).epoch(0)]
        )
        for grouped in (False, True)
    }
    assert spread[True] < spread[False] / 8


@pytest.mark.parametrize("start", [0, 3, 10, 124, 125, 257])
@pytest.mark.parametrize("options", [{}, {"buffer": 90, "block": 7}, {"group_by_length": False}])
def test_blocks_resume_from_any_batch(start, options):
    whole = list(itertools.islice(in_blocks(**options), 400))
    rest = list(itertools.islice(in_blocks(start=start, **options), 400 - start))
    assert rest == whole[start:]


def test_processes_share_blocks_without_overlap():
    parts = [in_blocks(rank=rank, world_size=3, batch_size=4).epoch(1) for rank in range(3)]
    assert len(np.unique(np.concatenate(parts))) == 3 * parts[0].size == 996


@pytest.mark.parametrize("draws", [300, 3000])
def test_weighted_draws_come_in_blocks(draws):
    weights = np.where(np.arange(1000) < 500, 1.0, 3.0)
    options = {"weights": weights, "draws": draws, "group_by_length": False}
    plain = TrainingBatches(np.full(1000, 50), 10, seed=1, **options)
    blocks = in_blocks(batch_size=10, **options)
    for epoch in range(3):
        drawn = sorted(plain.epoch(epoch).ravel())
        assert sorted(blocks.epoch(epoch).ravel()) == drawn
    ranks = np.sort(blocks.disk_order[blocks.epoch(0)[:8].ravel()])
    runs = 1 + np.count_nonzero(np.diff(ranks) > 60 * 300 / draws)
    assert runs <= 8


def test_a_buffer_larger_than_the_list_shuffles_all():
    batches = in_blocks(clips=100, buffer=10**6, block=64, group_by_length=False)
    order = np.concatenate([batches.epoch(epoch) for epoch in range(200)])
    near = np.abs(np.diff(batches.disk_order[order], axis=1)).mean()
    assert abs(near - 101 / 3) < 1  # the mean distance between two of 100 ranks
