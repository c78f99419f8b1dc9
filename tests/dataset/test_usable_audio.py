"""Audio that cannot be used is left out of a run on audio, listed, and found out at its start."""

import logging
import os

import numpy as np
import pytest
import soundfile
from dataset.directories import with_audio

from asda.configuration import save
from asda.corpus.datadir import read_table, write_table
from asda.dataset import usable_audio
from asda.dataset.clips import open_clips
from asda.dataset.data_config import DataConfig
from asda.dataset.feature_sources import FeatureInput
from asda.features import extract
from asda.features.extract import extract_log_mel
from asda.features.fbank import Fbank
from asda.features.fbank_config import FbankConfig
from asda.features.moments import Moments
from asda.files import InputError

FBANK = FbankConfig(num_mel_bins=24, low_freq=100)
SECONDS = {f"u{n:02d}": 0.3 + 0.01 * n for n in range(20)}
REASONS = {
    "u03": "no such file: ",
    "u07": "silent: all 4800 samples are 0",
    "u11": "too short: 300 samples, a frame has 400",
}


@pytest.fixture
def clean(tmp_path):
    save(FBANK, tmp_path / "fbank.yaml")
    return with_audio(tmp_path / "data", SECONDS)


@pytest.fixture
def dirty(clean):
    (clean / "u03.wav").unlink()
    soundfile.write(clean / "u07.wav", np.zeros(4800), 16000)
    soundfile.write(clean / "u11.wav", np.random.default_rng(0).normal(0, 0.1, 300), 16000)
    return clean


@pytest.fixture
def reads(monkeypatch):
    """The sources that are read, in any order."""
    found = []

    def read(source, *args, **kwargs):
        found.append(os.path.basename(source))
        return original(source, *args, **kwargs)

    original = extract.read_audio
    monkeypatch.setattr(extract, "read_audio", read)
    return found


def features_of(folder, **options):
    return FeatureInput(fbank=str(folder.parent / "fbank.yaml"), **options)


def check(folder):
    opened = features_of(folder, max_bad=1).open(folder)
    return opened.measured, opened.bad


def test_unusable_clips_are_left_out_and_listed_with_reasons(dirty, tmp_path, caplog):
    features = features_of(dirty, max_bad=0.15, listed_in=str(tmp_path / "exp"))
    with caplog.at_level(logging.WARNING):
        clips = open_clips(dirty, features, DataConfig())
    assert clips.utterances == [name for name in SECONDS if name not in REASONS]
    assert clips.expected == 20
    listed = read_table(tmp_path / "exp/bad_utterances")
    assert listed.keys() == REASONS.keys()
    assert all(listed[name].startswith(reason) for name, reason in REASONS.items())
    assert "left out 3 of 20 clips" in caplog.text
    assert f"({tmp_path}/exp/bad_utterances); 'u03': no such file" in caplog.text


def test_too_many_are_refused_with_the_first_reason(dirty, tmp_path):
    message = (
        rf"{dirty}: 3 of 20 utterances cannot be used, which exceeds max_bad 0\.1: .*; "
        rf"'u03': no such file: .*u03\.wav \(all: {tmp_path}/exp/bad_utterances\)"
    )
    with pytest.raises(InputError, match=message):
        features_of(dirty, max_bad=0.1, listed_in=str(tmp_path / "exp")).open(dirty)
    assert len(read_table(tmp_path / "exp/bad_utterances")) == 3


def test_the_list_is_that_of_all_directories_and_goes_when_all_is_well(dirty, tmp_path):
    valid = with_audio(tmp_path / "valid", {"v1": 0.3, "v2": 0.3})
    (valid / "v1.wav").write_text("no sound")
    listed = tmp_path / "exp/bad_utterances"
    features = features_of(dirty, max_bad=0.2, listed_in=str(tmp_path / "exp"))
    for folder in (dirty, valid):
        features.open(folder)
    assert read_table(listed).keys() == {*REASONS, "v1"}
    for name in REASONS:
        soundfile.write(dirty / f"{name}.wav", np.random.default_rng(0).normal(0, 1, 5000), 16000)
    features_of(dirty, listed_in=str(tmp_path / "exp")).open(dirty)
    assert not listed.exists()


def test_moments_are_those_of_the_features_in_their_order(clean):
    good, bad = check(clean)
    assert not bad
    fbank = Fbank(FBANK)
    expected = {u: Moments.of(extract_log_mel(str(clean / f"{u}.wav"), fbank)) for u in SECONDS}
    assert good == expected
    opened = features_of(clean).open(clean)
    assert opened.moments(list(SECONDS)) == sum(expected.values(), Moments(0, 0.0, 0.0))
    assert [opened.num_frames(u) for u in SECONDS] == [28 + n for n in range(20)]


def test_only_what_is_new_or_has_changed_is_read_again(dirty, reads):
    first = check(dirty)
    assert sorted(reads) == [f"{name}.wav" for name in SECONDS]
    reads.clear()
    soundfile.write(dirty / "u05.wav", np.random.default_rng(0).normal(0, 1, 5000), 16000)
    good, bad = check(dirty)
    # Bad audio is tried again: a missing disk or decoder may be there by now.
    assert sorted(reads) == ["u03.wav", "u05.wav", "u07.wav", "u11.wav"]
    assert bad == first[1]
    assert {u for u in good if good[u] != first[0][u]} == {"u05"}
    reads.clear()
    save(FbankConfig(num_mel_bins=32), dirty.parent / "fbank.yaml")
    features_of(dirty, max_bad=1).open(dirty)
    assert len(reads) == 20  # other features


def test_segments_of_one_recording_are_checked_one_by_one(clean):
    parts = {"s1": "u00 0 0.2", "s2": "u00 0.25 -1", "s3": "u00 0.1 9"}
    write_table(clean / "segments", parts)
    write_table(clean / "utt2spk", {name: name for name in parts})
    good, bad = check(clean)
    assert {name: moments.count // 24 for name, moments in good.items()} == {"s1": 18, "s2": 3}
    assert bad["s3"].startswith("too short: ends at 0.30 s")


@pytest.mark.parametrize("record", ["not a table\n", "u00 0123 no moments\n", "u00\n"])
def test_a_damaged_record_is_made_again(clean, record):
    expected = check(clean)
    path = next((clean / ".audio").iterdir())
    written = path.read_text()
    path.write_text(record)
    assert check(clean) == expected
    assert path.read_text() == written


def test_a_data_directory_that_cannot_be_written_to_does_no_harm(clean, capsys):
    (clean / ".audio").write_text("a file where the folder should be")
    good, _ = check(clean)
    assert len(good) == 20
    assert "the next run will read all audio again" in capsys.readouterr().err


def test_an_interrupted_check_goes_on(clean, monkeypatch, reads):
    monkeypatch.setattr(usable_audio, "TOGETHER", 8)
    whole = usable_audio._reported

    def interrupted(folder, todo):
        groups = whole(folder, todo)
        yield next(groups)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(usable_audio, "_reported", interrupted)
        with pytest.raises(KeyboardInterrupt):
            check(clean)
    assert len(reads) == 8
    assert len(check(clean)[0]) == 20
    assert len(reads) == 20


def test_an_unexpected_failure_names_the_utterance(clean, monkeypatch):
    monkeypatch.setattr("asda.features.extract.extract_log_mel", lambda *_: 1 / 0)
    with pytest.raises(RuntimeError, match=r"utterance 'u00', audio '.*u00\.wav': ZeroDivision"):
        check(clean)


def test_silence_can_be_kept(clean):
    soundfile.write(clean / "u07.wav", np.zeros(4800), 16000)
    assert check(clean)[1] == {"u07": "silent: all 4800 samples are 0"}
    save(FbankConfig(num_mel_bins=24, low_freq=100, keep_silent=True), clean.parent / "fbank.yaml")
    good, bad = check(clean)
    assert not bad
    assert good["u07"].mean == pytest.approx(np.log(2**-23))
    assert good["u07"].std == pytest.approx(0, abs=1e-6)
