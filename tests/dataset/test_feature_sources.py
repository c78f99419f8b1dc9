"""Features from a dump and features computed from audio are the same, and behave alike."""

from pathlib import Path

import numpy as np
import pytest
from dataset.directories import random_features, with_audio, with_features

from asda.configuration import save, to_dict
from asda.corpus.datadir import DataDir, write_table
from asda.corpus.edit.fix import fix
from asda.dataset.clips import open_clips
from asda.dataset.data_config import AugmentConfig, DataConfig
from asda.dataset.feature_sources import ComputedFeatures, DumpedFeatures, open_features
from asda.dump.compute import compute_part
from asda.dump.finish import finish
from asda.dump.plan import plan
from asda.features.fbank_config import FbankConfig
from asda.features.moments import Moments
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
    return open_features(data, dump, None), open_features(data, None, fbank)


def rng():
    return np.random.default_rng(0)


def test_computed_features_are_those_of_the_dump(folders):
    dumped, computed = both(folders)
    for name in ("seg1", "seg2", "seg3"):
        expected = dumped.read(name, None, rng())
        np.testing.assert_array_equal(computed.read(name, None, rng()), expected)
        assert dumped.num_frames(name) == computed.num_frames(name) == len(expected)
        assert expected.shape[1] == 24
        assert name in dumped and name in computed
    assert "rec1" not in dumped and "rec1" not in computed


def test_clips_of_both_are_the_same_to_the_last_bit(folders):
    data, dump, fbank = map(str, folders)
    config = DataConfig(max_frames=30, min_frames=8)
    from_dump = open_clips(data, dump, None, config, augment=AugmentConfig())
    from_audio = open_clips(data, None, fbank, config, augment=AugmentConfig())
    assert from_dump.normalization == from_audio.normalization
    for index in range(3):
        clips = [clips[3, index].features for clips in (from_dump, from_audio)]
        np.testing.assert_array_equal(*clips)


def test_both_know_their_configuration(folders):
    dumped, computed = both(folders)
    assert dumped.fbank_config() == computed.fbank_config() == to_dict(FBANK)


def test_moments_are_those_of_the_named_utterances(folders):
    for features in both(folders):
        values = np.concatenate([features.read(name, None, rng()) for name in ("seg1", "seg3")])
        moments = features.moments(["seg1", "seg3"])
        assert moments.count == Moments.of(values).count
        assert moments.mean == pytest.approx(values.mean(dtype=float))
        assert moments.std == pytest.approx(values.std(dtype=float))


def test_augmentation_reaches_features_and_waveforms_alike(folders):
    dumped, computed = both(folders)
    for features in (dumped, computed):
        plain = features.read("seg2", None, rng())
        louder = features.read("seg2", AugmentConfig(gain=True), rng())
        change = 2 * np.log(0.5 + rng().beta(10, 10))
        np.testing.assert_allclose(louder - plain, change, atol=1e-3)
        rolled = features.read("seg2", AugmentConfig(roll=True), rng())
        assert rolled.shape == plain.shape
        assert not np.allclose(rolled, plain, atol=0.1)


def test_a_data_directory_can_hold_its_own_features(tmp_path):
    features = random_features([20, 30])
    folder = with_features(tmp_path / "data", features)
    opened = open_features(str(folder), None, None)
    assert isinstance(opened, DumpedFeatures)
    np.testing.assert_array_equal(opened.read("utt01", None, rng()), features["utt01"])
    assert opened.fbank_config() == {}


def test_a_directory_without_features_is_refused(tmp_path):
    folder = with_audio(tmp_path / "data", {"a": 0.3})
    with pytest.raises(InputError, match=r"no feats\.scp; make the dump first"):
        open_features(str(folder), None, None)


@pytest.mark.parametrize("table", ["utt2num_frames", "utt2moments"])
def test_a_dump_that_lacks_a_line_is_refused(tmp_path, table):
    folder = with_features(tmp_path / "data", random_features([20, 30]))
    lines = (folder / table).read_text().splitlines()
    (folder / table).write_text(lines[0] + "\n")
    with pytest.raises(InputError, match=rf"{table}: no line for utterance 'utt01'"):
        open_clips(str(folder), None, None, DataConfig())


@pytest.mark.parametrize("frames", ["many", "nan"])
def test_numbers_of_frames_that_are_none_are_refused(tmp_path, frames):
    folder = with_features(tmp_path / "data", random_features([20]))
    (folder / "utt2num_frames").write_text(f"utt00 {frames}\n")
    with pytest.raises(InputError, match=f"utt2num_frames:1: not a number: '{frames}'"):
        open_clips(str(folder), None, None, DataConfig())


def test_features_of_one_value_are_refused(tmp_path):
    folder = with_features(tmp_path / "data", {"utt00": np.full((20, 16), -15.9424, np.float32)})
    with pytest.raises(InputError, match=f"{folder}: all its log-mel values have a standard dev"):
        open_clips(str(folder), None, None, DataConfig())


def test_durations_that_lack_a_line_are_refused(tmp_path):
    folder = with_audio(tmp_path / "data", {"a": 0.3, "b": 0.3})
    (folder / "utt2dur").write_text("a 0.3\n")
    features = ComputedFeatures(folder, FBANK)
    assert features.num_frames("a") == 28
    with pytest.raises(InputError, match="utt2dur: no line for utterance 'b'"):
        features.num_frames("b")


@pytest.mark.parametrize(
    ("text", "message"),
    [("num_mel_bin: 80\n", "num_mel_bin"), ("window: round\n", "window"), (": :\n", "fbank.yaml")],
)
def test_a_wrong_feature_configuration_is_refused(tmp_path, text, message):
    path = tmp_path / "fbank.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        open_features(str(tmp_path), None, str(path))
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("damage", ["missing", "text", "silent"])
def test_audio_that_cannot_be_used_is_named(tmp_path, damage):
    folder = with_audio(tmp_path / "data", {"good": 0.3, "spoilt": 0.3})
    write_table(folder / "utt2dur", {"good": "0.3", "spoilt": "0.3"})
    audio = folder / "spoilt.wav"
    if damage == "missing":
        audio.unlink()
    elif damage == "text":
        audio.write_text("no sound")
    else:
        whole = audio.read_bytes()
        audio.write_bytes(whole[:44] + bytes(len(whole) - 44))
    features = ComputedFeatures(folder, FBANK)
    assert len(features.read("good", None, rng())) == 28
    with pytest.raises(InputError, match="'spoilt'") as caught:
        features.read("spoilt", None, rng())
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(
        f"delete its line in {folder}/wav.scp and run utils/fix_data_dir.sh {folder}"
    )

    lines = (folder / "wav.scp").read_text().splitlines(keepends=True)
    (folder / "wav.scp").write_text("".join(line for line in lines if "spoilt" not in line))
    fix(folder)
    assert DataDir(folder).utterances == ["good"]
