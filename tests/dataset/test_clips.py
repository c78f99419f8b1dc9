"""Clips of a data directory: which are used, how they are cut and normalised, what is random."""

import dataclasses
import itertools
import logging

import numpy as np
import pytest
import torch
from dataset.directories import MEL, random_features, with_features

from asda.corpus.datadir import DataDir, write_table
from asda.dataset.clips import Clips, open_clips
from asda.dataset.data_config import AugmentConfig, DataConfig
from asda.dataset.feature_sources import DumpedFeatures, FeatureInput
from asda.dataset.targets import MultiHot
from asda.features.archive import OpenArchive
from asda.features.normalization import Normalization
from asda.files import InputError

LENGTHS = [40, 25, 60, 10, 33, 48]
EVERYTHING = AugmentConfig(
    roll=True,
    gain=True,
    noise=True,
    stretch=0.2,
    pitch=0.1,
    tilt=0.3,
    level=10.0,
    edges=5,
    background=0.5,
)


@pytest.fixture
def folder(tmp_path):
    return with_features(tmp_path / "data", random_features(LENGTHS))


def clips_of(folder, **options):
    """Return clips, with options of DataConfig, `open_clips` and `Clips` together."""
    names = {field.name for field in dataclasses.fields(DataConfig)}
    config = {"max_frames": 30, "min_frames": 5} | {k: v for k, v in options.items() if k in names}
    others = {k: v for k, v in options.items() if k not in names}
    return open_clips(str(folder), FeatureInput(), DataConfig(**config), **others)


class Draws:
    """A target of random numbers that records the numbers of frames it is asked for."""

    name = "draws"

    def __init__(self):
        self.seen = []

    def of(self, utterance, num_frames, rng):
        self.seen.append(num_frames)
        return rng.integers(0, num_frames, (2, 3))

    def pad(self, rows):
        return torch.from_numpy(np.stack(rows))


@pytest.mark.parametrize("seed", [0, 7])
def test_an_item_depends_on_seed_epoch_and_index_alone(folder, seed):
    options = {"augment": EVERYTHING, "targets": [Draws()], "seed": seed}
    forwards, backwards = (clips_of(folder, **options) for _ in range(2))
    keys = [(epoch, index) for epoch in (0, 5) for index in range(len(LENGTHS))]
    first = {key: forwards[key] for key in keys}
    second = {key: backwards[key] for key in reversed(keys)}
    for key in keys:
        np.testing.assert_array_equal(first[key].features.read(), second[key].features.read())
        np.testing.assert_array_equal(first[key].extras["draws"], second[key].extras["draws"])


@pytest.mark.parametrize("change", ["seed", "epoch"])
def test_another_seed_or_epoch_gives_another_crop_and_other_masks(folder, change):
    options = {"augment": AugmentConfig(), "targets": [Draws()]}
    seeds = (1, 2) if change == "seed" else (1, 1)
    epochs = (3, 4) if change == "epoch" else (3, 3)
    one, other = (
        clips_of(folder, seed=seed, **options)[epoch, 2]
        for seed, epoch in zip(seeds, epochs, strict=True)
    )
    assert not np.array_equal(one.features.read(), other.features.read())
    assert not np.array_equal(one.extras["draws"], other.extras["draws"])


def test_clips_of_equal_features_are_cropped_apart(tmp_path):
    matrix = random_features([200])["utt00"]
    folder = with_features(tmp_path / "data", {f"utt{n}": matrix for n in range(6)})
    clips = clips_of(folder, augment=AugmentConfig())
    assert len({clips[0, index].features.read().tobytes() for index in range(6)}) >= 5


def test_features_are_normalised_by_the_moments_of_the_list(folder):
    features = random_features(LENGTHS)
    values = np.concatenate(list(features.values())).astype(float)
    clips = clips_of(folder, max_frames=100)
    assert clips.normalization.mean == pytest.approx(values.mean())
    assert clips.normalization.std == pytest.approx(values.std())
    expected = (features["utt02"] - values.mean()) / (2 * values.std())
    found = clips[0, 2].features.read()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_clips_that_are_left_out_do_not_count_in_the_moments(folder):
    features = random_features(LENGTHS)
    del features["utt03"], features["utt01"]
    values = np.concatenate(list(features.values())).astype(float)
    clips = clips_of(folder, min_frames=30)
    assert clips.normalization.mean == pytest.approx(values.mean())
    assert clips.normalization.std == pytest.approx(values.std())


def test_given_moments_win_over_configured_ones_and_those_over_measured_ones(folder):
    configured = {"norm_mean": -4.268, "norm_std": 4.569}
    assert clips_of(folder, **configured).normalization == Normalization(-4.268, 4.569)
    given = Normalization(1.0, 2.0)
    assert clips_of(folder, normalization=given, **configured).normalization == given


def test_short_and_missing_clips_are_left_out_and_counted(folder, caplog):
    (folder / "utt2spk").write_text("".join(f"utt{row:02d} s\n" for row in range(8)))
    with caplog.at_level(logging.WARNING, logger="asda"):
        clips = clips_of(folder, min_frames=26)
    assert clips.utterances == ["utt00", "utt02", "utt04", "utt05"]
    assert len(clips) == 4 and clips.expected == 8
    line = "4 of 8 clips are used (2 shorter than 26 frames, first: utt01; 2 without"
    assert line in caplog.text


def test_a_clip_of_exactly_the_least_length_is_used(folder):
    assert "utt03" in clips_of(folder, min_frames=10).utterances
    assert "utt03" not in clips_of(folder, min_frames=11).utterances


def test_a_list_without_usable_clips_is_refused(folder):
    with pytest.raises(InputError, match=r"none of its 6 clips can be used .6 shorter than 61"):
        clips_of(folder, max_frames=100, min_frames=61)


def test_scoring_and_crop_start_cut_at_the_start(folder):
    features = random_features(LENGTHS)["utt02"]
    for options in ({}, {"augment": AugmentConfig(), "crop": "start"}):
        clips = clips_of(folder, **options)
        for epoch in (0, 1):
            expected = clips.normalization(features[:30])
            np.testing.assert_allclose(clips[epoch, 2].features.read(), expected, atol=1e-6)


def test_random_crops_reach_from_the_first_to_the_last_frame(folder):
    clips = clips_of(folder, max_frames=45, augment=AugmentConfig())
    whole = clips.normalization(random_features(LENGTHS)["utt05"])
    starts = set()
    for epoch in range(40):
        crop = clips[epoch, 5].features.read()
        starts |= {s for s in range(4) if np.allclose(crop, whole[s : s + 45], atol=1e-6)}
    assert starts == {0, 1, 2, 3}


def test_lengths_are_those_after_cropping(folder):
    clips = clips_of(folder)
    assert clips.lengths.tolist() == [30, 25, 30, 10, 30, 30]
    assert [len(clips[0, index].features.read()) for index in range(6)] == clips.lengths.tolist()


def test_filled_clips_end_in_zeros_of_the_log_mel_domain(folder):
    clips = clips_of(folder, padding="fill", norm_mean=-4.268, norm_std=4.569)
    short = clips[0, 3].features.read()
    assert short.shape == (30, MEL)
    np.testing.assert_allclose(short[10:], 0.46706, atol=1e-5)
    expected = clips.normalization(random_features(LENGTHS)["utt03"])
    np.testing.assert_allclose(short[:10], expected, atol=1e-6)
    masked = clips_of(folder, padding="mask", norm_mean=-4.268, norm_std=4.569)
    np.testing.assert_array_equal(masked[0, 3].features.read(), short[:10])


def test_targets_are_made_for_the_frames_that_the_model_sees(folder):
    target = Draws()
    for padding in ("mask", "fill"):
        clips = clips_of(folder, padding=padding, targets=[target])
        _ = [clips[0, index] for index in range(6)]
    assert target.seen == [30, 25, 30, 10, 30, 30, *[30] * 6]


def test_clips_carry_what_their_targets_make(folder):
    labels = MultiHot(DataDir(folder), ["a", "b"])
    clip = clips_of(folder, targets=[labels, Draws()])[0, 1]
    assert list(clip.extras) == ["labels", "draws"]
    assert clip.extras["labels"].tolist() == [0, 1]
    assert clips_of(folder)[0, 1].extras == {}


def test_an_unlabelled_clip_is_refused_only_if_it_is_used(folder):
    text = (folder / "utt2label").read_text()
    (folder / "utt2label").write_text(text.replace("utt04 a\n", ""))
    targets = [MultiHot(DataDir(folder), ["a", "b"])]
    with pytest.raises(InputError, match=r"utt2label: no line for 1 of 6 clips \(first: utt04\)"):
        clips_of(folder, targets=targets)
    assert len(clips_of(folder, targets=targets, min_frames=34, max_frames=50)) == 3


def test_weights_are_those_of_the_used_clips(folder):
    rows = "".join(f"utt{row:02d} {0.5 + row}\n" for row in range(6))
    (folder / "utt2weight").write_text(rows)
    assert clips_of(folder, min_frames=26).weights.tolist() == [0.5, 2.5, 4.5, 5.5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("utt00 1\n", r"utt2weight: no weight for 5 clips \(first: utt01\)"),
        ("utt00 heavy\n", r"utt2weight:1: not a number: 'heavy'"),
        ("utt00 inf\n", r"utt2weight:1: not a number: 'inf'"),
        (None, r"utt2weight: no such file; .* data.sampling balanced takes the weights from"),
        ("".join(f"utt{row:02d} 0\n" for row in range(6)), "utt2weight: weights must be 0 or more"),
        ("".join(f"utt{row:02d} {row - 1}\n" for row in range(6)), "weights must be 0 or more"),
    ],
)
def test_weights_that_cannot_be_used_are_refused(folder, text, message):
    if text:
        (folder / "utt2weight").write_text(text)
    with pytest.raises(InputError, match=message):
        _ = clips_of(folder).weights


def test_an_augmented_clip_keeps_within_the_longest(folder):
    clips = clips_of(folder, augment=AugmentConfig(stretch=0.5), max_frames=40)
    lengths = [len(clips[epoch, 0].features.read()) for epoch in range(30)]
    assert max(lengths) == 40
    assert 20 <= min(lengths) < 30


def test_without_augmentation_a_clip_is_the_same_in_every_epoch(folder):
    clips = clips_of(folder)
    for first, second in itertools.pairwise(clips[epoch, 2].features.read() for epoch in range(3)):
        np.testing.assert_array_equal(first, second)


def test_features_may_lie_in_a_dump_of_more(folder, tmp_path):
    part = tmp_path / "part"
    part.mkdir()
    (part / "utt2spk").write_text("utt04 s\nutt01 s\n")
    clips = Clips(part, DumpedFeatures(folder), DataConfig())
    assert clips.utterances == ["utt01", "utt04"]
    clips.normalization = clips.measure_normalization()
    features = random_features(LENGTHS)
    values = np.concatenate([features["utt01"], features["utt04"]]).astype(float)
    assert clips.normalization.mean == pytest.approx(values.mean())
    expected = clips.normalization(features["utt04"])
    np.testing.assert_allclose(clips[0, 1].features.read(), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"draws_per_epoch": 0}, "data.draws_per_epoch must be at least 1, not 0"),
        ({"shuffle_block": 0}, "data.shuffle_block must be at least 1, not 0"),
        ({"shuffle_buffer_size": 100}, "hold two blocks of data.shuffle_block 64, not 100"),
        ({"shuffle_buffer_size": -1}, "data.shuffle_buffer_size must be 0 or hold two blocks"),
    ],
)
def test_impossible_settings_are_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        DataConfig(**wrong)


def test_disk_order_is_that_of_the_archives(tmp_path):
    names = [f"utt{row:02d}" for row in range(30)]
    folder = with_features(tmp_path / "data", random_features([20] * 30))
    specifiers = {
        name: f"/a/{row % 3}.ark:{10**row % 7 + 10 * row}" for row, name in enumerate(names)
    }
    write_table(folder / "feats.scp", specifiers)
    found = DumpedFeatures(folder).disk_order(names)

    def where(name):
        path, _, offset = specifiers[name].rpartition(":")
        return path, int(offset)

    assert [names[row] for row in np.argsort(found)] == sorted(names, key=where)


def test_a_crop_of_a_dump_reads_no_other_rows(folder, monkeypatch):
    read = []
    whole = OpenArchive.read_into
    monkeypatch.setattr(
        OpenArchive,
        "read_into",
        lambda archive, out, position: read.append(out.nbytes) or whole(archive, out, position),
    )
    clips = clips_of(folder, augment=AugmentConfig(), max_frames=30)
    clip = clips[0, 2]
    assert read == [] and clip.shape == (30, MEL)
    clip.features.read()
    assert read == [30 * MEL * 4]


def test_balanced_weights_are_made_from_the_labels_of_the_used_clips(folder):
    labels = ("a", "a b", "a", "b", "", "")
    rows = "".join(f"utt{row:02d} {value}\n" for row, value in enumerate(labels))
    (folder / "utt2label").write_text(rows)
    weights = clips_of(folder, sampling="balanced", min_frames=26).weights
    assert weights == pytest.approx([500 / 1.005, 500 / 1.005, 500 / 1.005, 500 / 1.005], rel=1e-5)
    weights = clips_of(folder, sampling="balanced").weights
    a, b, none = 1000 / 3.01, 1000 / 2.01, 1000 / 2.01
    assert weights == pytest.approx([a, a + b, a, b, none, none], rel=1e-5)


def test_balanced_weights_need_a_line_for_each_clip(folder):
    (folder / "utt2label").write_text("utt00 a\n")
    with pytest.raises(
        InputError, match=r"no line for 5 clips \(first: utt01\); data.sampling bal"
    ):
        _ = clips_of(folder, sampling="balanced").weights
