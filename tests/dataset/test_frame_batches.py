"""Batches that are limited in frames: their size, padding, order, and the place to resume at."""

import itertools

import numpy as np
import pytest
from dataset.directories import random_features, with_features

from asda.dataset.clips import open_clips
from asda.dataset.data_config import AugmentConfig, DataConfig
from asda.dataset.feature_sources import FeatureInput
from asda.dataset.frame_batches import FrameBatches, padding_share
from asda.dataset.loaders import epoch_padding, training_loader
from asda.dataset.sampling import TrainingBatches

FRAMES = 6000


def lengths(count=700):
    """Return lengths of utterances of 0.5 to 15 s, mostly short ones, in frames."""
    seconds = np.random.default_rng(0).lognormal(1.2, 0.8, count)
    return (100 * np.clip(seconds, 0.5, 15)).astype(np.int64)


def frame_batches(seed=1, start=0, rank=0, world_size=1, clips=None, frames=FRAMES, **options):
    clips = lengths() if clips is None else clips
    process = {"start": start, "rank": rank, "world_size": world_size}
    return FrameBatches(TrainingBatches(clips, 8, seed, **options, **process), clips, frames)


def padded(batches, clips):
    return [len(batch) * clips[batch].max() for batch in batches]


def test_batches_are_filled_up_to_the_limit():
    sizes = padded(frame_batches().epoch(0), lengths())
    assert max(sizes) <= FRAMES
    assert np.mean(sizes) > 0.9 * FRAMES


@pytest.mark.parametrize("count", [300, 700, 5000])
def test_less_than_a_tenth_is_padding(count):
    clips = lengths(count)
    share = padding_share(frame_batches(clips=clips).epoch(0), clips)
    assert 0 < share < 0.1
    ungrouped = TrainingBatches(clips, 16, seed=1, group_by_length=False).epoch(0)
    assert padding_share(list(ungrouped), clips) > 0.4


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_processes_visit_every_clip_once_with_as_many_batches(world_size):
    parts = [frame_batches(rank=rank, world_size=world_size).epoch(2) for rank in range(world_size)]
    assert len({len(part) for part in parts}) == 1
    visited = np.concatenate([batch for part in parts for batch in part])
    assert sorted(visited) == list(range(700))


def test_the_batches_of_an_update_are_of_similar_lengths():
    first, second = (frame_batches(rank=rank, world_size=2).epoch(0) for rank in (0, 1))
    longest = [[lengths()[batch].max() for batch in part] for part in (first, second)]
    differences = np.abs(np.diff(longest, axis=0))
    assert np.median(differences) < 0.1 * np.mean(longest)


@pytest.mark.parametrize("world_size", [1, 2])
@pytest.mark.parametrize("start", [0, 1, 40, 150])
def test_starting_later_skips_exactly_the_first_batches(start, world_size):
    whole = list(itertools.islice(frame_batches(world_size=world_size), 200))
    rest = list(itertools.islice(frame_batches(start=start, world_size=world_size), 200 - start))
    assert rest == whole[start:]
    assert whole[-1][0][0] >= 2  # in the third epoch or later


def test_epochs_and_seeds_differ_but_repeat():
    def flat(seed, epoch):
        return np.concatenate(frame_batches(seed).epoch(epoch)).tolist()

    assert flat(1, 0) == flat(1, 0)
    assert flat(1, 0) != flat(1, 1)
    assert flat(1, 0) != flat(2, 0)


def test_weights_and_numbers_of_draws_hold_as_for_batches_of_clips():
    weights = np.where(np.arange(700) < 350, 0.0, 1.0)
    drawn = np.concatenate(frame_batches(weights=weights, draws=200).epoch(0))
    assert len(drawn) == 200 and drawn.min() >= 350
    assert len(np.concatenate(frame_batches(draws=50).epoch(0))) == 50


def test_fewer_clips_than_processes_are_repeated():
    clips = np.array([500, 600, 700])
    parts = [frame_batches(clips=clips, rank=rank, world_size=8).epoch(0) for rank in range(8)]
    assert [len(part) for part in parts] == [1] * 8
    assert {int(batch[0]) for part in parts for batch in part} == {0, 1, 2}


@pytest.mark.parametrize("workers", [0, 2])
def test_loaded_batches_respect_the_limit_also_with_slower_audio(tmp_path, workers):
    features = random_features([20 + 3 * (7 * n % 13) for n in range(40)])
    folder = with_features(tmp_path / "data", features)
    config = DataConfig(max_frames=80, min_frames=10, batch_frames=300, workers=workers)
    augment = AugmentConfig(speed=(0.8, 1.0, 1.25), stretch=0.1, edges=3)
    clips = open_clips(str(folder), FeatureInput(), config, augment=augment)
    loader = iter(training_loader(clips, 1, 0, 1, 0))
    shapes = [tuple(next(loader).features.shape) for _ in range(60)]
    assert max(batch * frames for batch, frames, _ in shapes) <= 300
    assert len({batch for batch, _, _ in shapes}) > 1
    loader.close()
    again = iter(training_loader(clips, 1, 0, 1, 7))
    assert tuple(next(again).features.shape) == shapes[7]


def test_the_padding_of_an_epoch_is_that_of_its_batches(tmp_path):
    folder = with_features(tmp_path / "data", random_features([20, 40, 20, 40]))
    for grouped, shares in ((True, {0.0}), (False, {0.0, 0.25})):
        config = DataConfig(max_frames=80, batch_size=2, group_by_length=grouped)
        clips = open_clips(str(folder), FeatureInput(), config)
        assert {epoch_padding(clips, seed) for seed in range(8)} == shares


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_frames": 1000, "batch_frames": 999}, "no room for a clip of data.max_frames 1000"),
        ({"batch_frames": 4096, "padding": "fill"}, "needs data.padding mask"),
        ({"batch_frames": 4096, "shuffle_buffer_size": 256}, "data.shuffle_buffer_size 0"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        DataConfig(**settings)
