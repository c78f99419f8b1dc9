"""Several corpora in one sequence of batches: exact shares, on any number of processes."""

import itertools

import numpy as np
import pytest
from dataset.directories import random_features, with_features

from asda.dataset.clips import open_clips
from asda.dataset.data_config import AugmentConfig, DataConfig
from asda.dataset.feature_sources import FeatureInput
from asda.dataset.loaders import mixed_loader, training_loader
from asda.dataset.mixture import CorpusNumber, CorpusOrder, Mixture
from asda.files import InputError

SHARES = [[1], [1, 1], [3, 7], [1, 2, 3, 5], [1, 1, 1, 97], [5, 4, 3, 2, 1, 1, 1]]


@pytest.mark.parametrize("shares", SHARES)
def test_no_corpus_is_a_whole_batch_early_or_late(shares):
    order, total = CorpusOrder(shares), sum(shares)
    had = [0] * len(shares)
    for batch, number in enumerate(itertools.islice(order.starting_at(0), 2 * total), 1):
        had[number] += 1
        assert all(
            abs(share * batch - total * n) < total for share, n in zip(shares, had, strict=True)
        )
        assert order.counts(batch) == had
    assert had == [2 * share for share in shares]


@pytest.mark.parametrize("start", [0, 1, 7, 10, 23])
def test_the_order_can_be_entered_anywhere(start):
    order = CorpusOrder([3, 5, 2])
    whole = list(itertools.islice(order.starting_at(0), start + 20))
    assert list(itertools.islice(order.starting_at(start), 20)) == whole[start:]


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """A larger corpus of long clips and a smaller one of short clips."""
    root = tmp_path_factory.mktemp("corpora")
    config = DataConfig(max_frames=40, min_frames=4, batch_size=2, workers=0)
    found = []
    for number, lengths in enumerate(([40, 64, 50] * 8, [20, 24, 18, 22, 30])):
        folder = with_features(root / str(number), random_features(lengths, seed=number))
        augment = AugmentConfig(level=3.0)
        targets = [CorpusNumber(number)]
        clips = open_clips(folder, FeatureInput(), config, augment=augment, targets=targets, seed=5)
        found.append(clips)
    return found


ORDER = CorpusOrder([2, 1])


def batches(parts, count, rank=0, processes=1, start=0):
    loader = mixed_loader(Mixture(parts), ORDER, 5, rank, processes, start)
    return list(itertools.islice(loader, count))


def test_a_batch_comes_from_one_corpus_and_each_has_its_share(parts):
    numbers = [batch.extras["corpus"].tolist() for batch in batches(parts, 30)]
    assert all(first == second for first, second in numbers)
    assert [sum(first == number for first, _ in numbers) for number in (0, 1)] == [20, 10]


def test_a_corpus_is_drawn_as_if_it_were_alone(parts):
    """Order, crops and augmentation; a small corpus is repeated in a new order."""
    mixed = batches(parts, 30)
    for number, part in enumerate(parts):
        ours = [batch for batch in mixed if batch.extras["corpus"][0] == number]
        alone = list(itertools.islice(training_loader(part, 5, 0, 1, 0), len(ours)))
        for one, two in zip(ours, alone, strict=True):
            assert one.utterances == two.utterances
            assert np.array_equal(one.features, two.features)
    small = [b.utterances for b in mixed if b.extras["corpus"][0] == 1]
    rounds = [(*small[first], *small[first + 1]) for first in range(0, 10, 2)]
    assert len(set(rounds)) > 1


def test_each_corpus_is_normalised_by_its_own_moments(parts):
    first, second = (part.normalization for part in parts)
    assert first != second
    for part in parts:
        item = part[0, 0].features.read()
        assert part.normalization == part.measure_normalization()
        assert np.isfinite(item).all()


@pytest.mark.parametrize("processes", [2, 3])
def test_several_processes_share_the_batches_of_one(parts, processes):
    """A batch of one process with as many clips is that of all processes together."""
    size = parts[0].config.batch_size
    assert size == 2
    whole = mixed_of_size(parts, size * processes)
    split = [batches(parts, 12, rank, processes) for rank in range(processes)]
    for number, batch in enumerate(whole):
        ours = [name for rank in split for name in rank[number].utterances]
        assert sorted(ours) == sorted(batch.utterances)
        corpora = {int(rank[number].extras["corpus"][0]) for rank in split}
        assert corpora == {int(batch.extras["corpus"][0])}


def mixed_of_size(parts, size):
    before = parts[0].config.batch_size
    for part in parts:
        part.config.batch_size = size
    try:
        return batches(parts, 12)
    finally:
        for part in parts:
            part.config.batch_size = before


@pytest.mark.parametrize("start", [1, 7, 16])
def test_batches_go_on_where_they_were_left(parts, start):
    whole = batches(parts, 24)
    for one, two in zip(whole[start:], batches(parts, 24 - start, start=start), strict=True):
        assert one.utterances == two.utterances
        assert np.array_equal(one.features, two.features)


def test_an_empty_corpus_is_refused(tmp_path):
    folder = with_features(tmp_path / "short", random_features([3, 2]))
    with pytest.raises(InputError, match=f"{folder}: none of its 2 clips can be used"):
        open_clips(folder, FeatureInput(), DataConfig(min_frames=4))
