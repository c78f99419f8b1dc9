"""Windows over clips that are longer than what the model takes."""

import numpy as np
import pytest
from dataset.directories import random_features, with_features

from asda.dataset.clips import open_clips
from asda.dataset.data_config import DataConfig
from asda.dataset.feature_sources import FeatureInput
from asda.dataset.loaders import window_loader
from asda.dataset.windows import Windows, window_starts
from asda.features.clip_range import ClipRange
from asda.features.normalization import Normalization

LENGTHS = [40, 25, 60, 10, 33, 95]
NORM = Normalization(-5.0, 2.0)


@pytest.fixture
def folder(tmp_path):
    return with_features(tmp_path / "data", random_features(LENGTHS))


def clips_of(folder, **options):
    config = DataConfig(**{"max_frames": 30, "min_frames": 5, "workers": 0} | options)
    return open_clips(str(folder), FeatureInput(), config, NORM)


@pytest.mark.parametrize(
    ("frames", "expected"),
    [(7, [0]), (30, [0]), (31, [0, 1]), (60, [0, 30]), (61, [0, 30, 31]), (95, [0, 30, 60, 65])],
)
def test_windows_cover_a_clip_and_the_last_one_ends_with_it(frames, expected):
    starts = window_starts(frames, 30)
    assert starts == expected
    covered = {start + step for start in starts for step in range(min(30, frames))}
    assert covered == set(range(frames))


@pytest.mark.parametrize("padding", ["mask", "fill"])
def test_a_window_holds_the_normalised_rows_of_its_place(folder, padding):
    windows = Windows(clips_of(folder, padding=padding))
    expected = [("utt00", 10), ("utt02", 30), ("utt04", 3)]
    expected += [("utt05", start) for start in (30, 60, 65)]
    assert windows.table == expected
    matrices = random_features(LENGTHS)
    for number, (utterance, start) in enumerate(expected):
        clip = windows[0, number]
        assert (clip.utterance, clip.extras) == (utterance, {})
        rows = matrices[utterance][start : start + 30]
        np.testing.assert_allclose(clip.features.read(), (rows + 5) / 4, atol=1e-5)


@pytest.mark.parametrize("workers", [0, 2])
def test_the_loader_gives_every_window_once_over_all_processes(folder, workers):
    clips = clips_of(folder, batch_size=2, workers=workers)
    found = []
    for rank in range(2):
        for batch in window_loader(clips, rank, 2):
            assert batch.num_frames is None and batch.features.shape[1:] == (30, 16)
            assert len(batch.utterances) <= 2
            found += zip(batch.utterances, batch.features[:, 0, 0].tolist(), strict=True)
    windows = Windows(clips)
    values = [windows[0, n].features.read()[0, 0] for n in range(len(windows))]
    names = [utterance for utterance, _ in windows.table]
    assert sorted(found) == sorted(zip(names, values, strict=True))


@pytest.mark.parametrize("options", [{"max_frames": 95}, {"long_clips": "start"}])
def test_without_long_clips_or_windows_there_is_nothing_to_load(folder, options):
    assert list(window_loader(clips_of(folder, **options))) == []


def test_crops_and_windows_are_normalised_by_their_own_range(folder):
    """The same in training, scoring and inference: what the network takes at once."""
    config = DataConfig(max_frames=30, min_frames=5, workers=0, crop="start")
    clips = open_clips(str(folder), FeatureInput(), config, ClipRange())
    windows = Windows(clips)
    assert windows.table[1] == ("utt02", 30)
    matrix = random_features(LENGTHS)["utt02"]
    for clip, first in ((clips[0, 2], 0), (windows[0, 1], 30)):
        expected = ClipRange()(matrix[first : first + 30])
        np.testing.assert_allclose(clip.features.read(), expected, atol=1e-6)
