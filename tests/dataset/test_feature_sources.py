"""Features from a dump and features computed from audio are the same, and behave alike."""

from pathlib import Path

import numpy as np
import pytest
from dataset.directories import random_features, with_audio, with_features

from asda.configuration import save, to_dict
from asda.corpus.datadir import DataDir, write_table
from asda.corpus.edit.fix import fix
from asda.dataset.clips import open_clips
from asda.dataset.computed_features import ComputedFeatures
from asda.dataset.data_config import AugmentConfig, DataConfig
from asda.dataset.feature_sources import (
    DumpedFeatures,
    FeatureInput,
    FromAudio,
    OnDisk,
)
from asda.dump.compute import compute_part
from asda.dump.finish import finish
from asda.dump.plan import plan
from asda.features.archive_writer import write_matrix
from asda.features.fbank_config import FbankConfig
from asda.features.matrix import read
from asda.features.moments import Moments
from asda.features.normalization import Normalization
from asda.files import InputError

FBANK = FbankConfig(num_mel_bins=24, low_freq=100)


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> tuple[Path, Path, Path]:
    """A data directory with segments, its dump, and the configuration of both."""
    root = tmp_path_factory.mktemp("sources")
    data = with_audio(root / "data", {"rec1": 1.0, "rec2": 0.7})
    parts = {"seg1": "rec1 0.1 0.45", "seg2": "rec1 0.5 -1", "seg3": "rec2 0 0.6123"}
    write_table(data / "segments", parts)
    write_table(data / "utt2spk", {name: name for name in parts})
    save(FBANK, root / "fbank.yaml")
    for job in range(1, plan(root / "dump", [data], root / "fbank.yaml", "none", 1) + 1):
        compute_part(root / "dump", job, 1e6)
    finish(root / "dump", 0.0)
    return data, root / "dump", root / "fbank.yaml"


def both(folders):
    data, dump, fbank = map(str, folders)
    return FeatureInput(dump).open(data), FeatureInput(fbank=fbank).open(data)


def values(source, utterance):
    return read(source.features(utterance))


def test_computed_features_are_those_of_the_dump(folders):
    dumped, computed = both(folders)
    for name in ("seg1", "seg2", "seg3"):
        expected = values(dumped, name)
        np.testing.assert_array_equal(values(computed, name), expected)
        assert dumped.num_frames(name) == computed.num_frames(name) == len(expected)
        assert expected.shape[1] == 24
        assert name in dumped and name in computed
    assert "rec1" not in dumped and "rec1" not in computed


def test_clips_of_both_are_the_same_to_the_last_bit(folders):
    data, dump, fbank = map(str, folders)
    config = DataConfig(max_frames=30, min_frames=8)
    from_dump = open_clips(data, FeatureInput(dump), config, augment=AugmentConfig())
    from_audio = open_clips(data, FeatureInput(fbank=fbank), config, augment=AugmentConfig())
    assert from_dump.normalization == from_audio.normalization
    for index in range(3):
        clips = [clips[3, index].features.read() for clips in (from_dump, from_audio)]
        np.testing.assert_array_equal(*clips)


def test_both_know_their_configuration(folders):
    dumped, computed = both(folders)
    assert dumped.fbank_config() == computed.fbank_config() == to_dict(FBANK)


def test_moments_are_those_of_the_named_utterances(folders):
    for features in both(folders):
        both_clips = np.concatenate([values(features, name) for name in ("seg1", "seg3")])
        moments = features.moments(["seg1", "seg3"])
        assert moments.count == Moments.of(both_clips).count
        assert moments.mean == pytest.approx(both_clips.mean(dtype=float))
        assert moments.std == pytest.approx(both_clips.std(dtype=float))


@pytest.mark.parametrize("from_audio", [False, True])
def test_roll_and_gain_reach_features_and_waveforms_alike(folders, from_audio):
    data, dump, fbank = map(str, folders)
    features = FeatureInput(fbank=fbank) if from_audio else FeatureInput(dump)
    norm = Normalization(0.0, 0.5)
    plain, louder, rolled = (
        open_clips(data, features, DataConfig(), norm, augment=AugmentConfig(**options))[0, 1]
        for options in ({}, {"gain": True}, {"roll": True})
    )
    change = 2 * np.log(0.5 + np.random.default_rng((0, 0, 1)).beta(10, 10))
    np.testing.assert_allclose(louder.features.read() - plain.features.read(), change, atol=1e-3)
    assert rolled.shape == plain.shape
    assert not np.allclose(rolled.features.read(), plain.features.read(), atol=0.1)


def test_only_what_is_there_is_offered(folders):
    dumped, computed = both(folders)
    assert isinstance(dumped, OnDisk) and not isinstance(dumped, FromAudio)
    assert isinstance(computed, FromAudio) and not isinstance(computed, OnDisk)


def test_a_common_dump_is_opened_once(folders):
    data, dump, fbank = map(str, folders)
    features = FeatureInput(dump)
    assert features.open(data) is features.open(dump)
    assert FeatureInput(dump).open(data) is not features.open(data)
    assert isinstance(FeatureInput(dump, fbank).open(data), ComputedFeatures)


def test_a_data_directory_can_hold_its_own_features(tmp_path):
    features = random_features([20, 30])
    folder = with_features(tmp_path / "data", features)
    opened = FeatureInput().open(folder)
    assert isinstance(opened, DumpedFeatures)
    np.testing.assert_array_equal(values(opened, "utt01"), features["utt01"])
    assert opened.fbank_config() == {}


def test_a_directory_without_features_is_refused(tmp_path):
    folder = with_audio(tmp_path / "data", {"a": 0.3})
    with pytest.raises(InputError, match=r"no feats\.scp; make the dump first"):
        FeatureInput().open(folder)


@pytest.mark.parametrize("table", ["utt2num_frames", "utt2moments"])
def test_a_dump_that_lacks_a_line_is_refused(tmp_path, table):
    folder = with_features(tmp_path / "data", random_features([20, 30, 20]))
    lines = (folder / table).read_text().splitlines()
    (folder / table).write_text(lines[0] + "\n")
    with pytest.raises(InputError, match=rf"{table}: no line for utterance 'utt01' and 1 more"):
        open_clips(str(folder), FeatureInput(), DataConfig())


@pytest.mark.parametrize("frames", ["many", "nan"])
def test_numbers_of_frames_that_are_none_are_refused(tmp_path, frames):
    folder = with_features(tmp_path / "data", random_features([20]))
    (folder / "utt2num_frames").write_text(f"utt00 {frames}\n")
    with pytest.raises(InputError, match=f"utt2num_frames:1: not a number: '{frames}'"):
        open_clips(str(folder), FeatureInput(), DataConfig())


def test_without_recorded_moments_all_features_are_read(tmp_path):
    features = random_features([20, 30])
    folder = with_features(tmp_path / "data", features)
    (folder / "utt2moments").unlink()
    expected = sum(map(Moments.of, features.values()), Moments(0, 0.0, 0.0))
    assert FeatureInput().open(folder).moments(list(features)) == expected
    features["utt01"][5, 5] = np.nan
    with open(folder / "feats.ark", "wb") as stream:
        for name, matrix in features.items():
            write_matrix(stream, name, matrix, "none")
    with pytest.raises(InputError, match=r"utt01'\): values that are not finite"):
        FeatureInput().open(folder).moments(list(features))


def test_a_directory_of_kaldi_needs_no_more_than_its_features(tmp_path, caplog):
    features = random_features([20, 30])
    folder = with_features(tmp_path / "data", features)
    with_tables = open_clips(str(folder), FeatureInput(), DataConfig())
    (folder / "utt2moments").unlink()
    (folder / "utt2num_frames").unlink()
    clips = open_clips(str(folder), FeatureInput(), DataConfig())
    assert clips.frames.tolist() == [20, 30]
    assert clips.normalization == with_tables.normalization
    np.testing.assert_array_equal(clips[0, 1].features.read(), with_tables[0, 1].features.read())
    (folder / "feats.scp").write_text(f"utt00 {folder}/feats.ark:6\nutt01 {folder}/absent.ark:6\n")
    with pytest.raises(InputError, match=r"feats\.scp: 1 of 2 matrices cannot be used: 'utt01'"):
        open_clips(str(folder), FeatureInput(), DataConfig())


def test_a_missing_archive_of_a_dump_is_said_with_the_remedy(folders, tmp_path):
    data, dump, _ = folders
    copy = tmp_path / "dump"
    copy.mkdir()
    for name in ("feats.scp", "utt2num_frames", "utt2moments", "utt2source"):
        text = (dump / name).read_text()
        (copy / name).write_text(text.replace(str(dump), str(copy)))
    message = (
        rf"{copy}/feats\.scp: 1 archives with 3 utterances are missing or cut off "
        rf"\(first: {copy}/archives/.*\.ark\); run stage dump again, which computes what is"
    )
    with pytest.raises(InputError, match=message):
        open_clips(data, FeatureInput(str(copy)), DataConfig(min_frames=1))


def test_features_of_one_value_are_refused(tmp_path):
    folder = with_features(tmp_path / "data", {"utt00": np.full((20, 16), -15.9424, np.float32)})
    with pytest.raises(InputError, match=f"{folder}: all its log-mel values have a standard dev"):
        open_clips(str(folder), FeatureInput(), DataConfig())


def test_frames_are_those_of_the_samples_whatever_utt2dur_says(tmp_path):
    folder = with_audio(tmp_path / "data", {"a": 0.3, "b": 0.3})
    (folder / "utt2dur").write_text("a 9.9\n")
    features = ComputedFeatures(folder, FBANK)
    assert features.num_frames("a") == features.num_frames("b") == 28


@pytest.mark.parametrize(
    ("text", "message"),
    [("num_mel_bin: 80\n", "num_mel_bin"), ("window: round\n", "window"), (": :\n", "fbank.yaml")],
)
def test_a_wrong_feature_configuration_is_refused(tmp_path, text, message):
    path = tmp_path / "fbank.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        FeatureInput(fbank=str(path)).open(tmp_path)
    assert str(caught.value).startswith(str(path))


def test_audio_that_becomes_unusable_during_a_run_is_named(tmp_path):
    folder = with_audio(tmp_path / "data", {"good": 0.3, "spoilt": 0.3})
    features = ComputedFeatures(folder, FBANK)
    (folder / "spoilt.wav").unlink()
    assert len(values(features, "good")) == 28
    with pytest.raises(InputError, match="'spoilt'") as caught:
        features.features("spoilt")
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(
        f"delete the line of 'spoilt' in {folder}/wav.scp and run utils/fix_data_dir.sh {folder}"
    )
    lines = (folder / "wav.scp").read_text().splitlines(keepends=True)
    (folder / "wav.scp").write_text("".join(line for line in lines if "spoilt" not in line))
    fix(folder)
    assert DataDir(folder).utterances == ["good"]
