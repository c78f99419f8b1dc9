"""Clips in HDF5 files, in both forms that AudioSet is packed in."""

import multiprocessing

import numpy as np
import pytest

from asda.corpus.audio import AudioError, audio_duration, read_audio
from asda.corpus.wav_scp import split_source

h5py = pytest.importorskip("h5py")
SOUND = np.random.default_rng(0).uniform(-0.5, 0.5, 3200)


@pytest.fixture
def packed(tmp_path):
    """A file of rows, one of which is int16 silence, and a file of datasets."""
    with h5py.File(tmp_path / "rows.h5", "w") as file:
        file["audio_name"] = np.array(["Yabc.wav", "Ydef.wav"], dtype="S20")
        file["waveform"] = np.stack([SOUND * 32768, np.zeros(3200)]).astype(np.int16)
        file.attrs["sample_rate"] = 32000
    with h5py.File(tmp_path / "clips.hdf5", "w") as file:
        file["part/Yabc"] = SOUND.astype(np.float32)
        file["part/odd"] = np.arange(10, dtype=np.uint8)
    return tmp_path


@pytest.mark.parametrize("clip", ["rows.h5@32000:0", "clips.hdf5@32000:part/Yabc"])
def test_samples_and_segments(packed, clip):
    source = f"{packed}/{clip}"
    assert audio_duration(source) == 0.1
    samples = read_audio(source, 32000)
    np.testing.assert_allclose(samples, SOUND, atol=1 / 32768)
    np.testing.assert_array_equal(
        read_audio(source, 32000, start=0.02, end=0.05), samples[640:1600]
    )
    assert len(read_audio(source, 16000)) == 1600


def test_a_forked_process_opens_the_file_anew(packed):
    source = f"{packed}/rows.h5@32000:0"
    read_audio(source)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        (samples,) = pool.map(read_audio, [source])
    np.testing.assert_array_equal(samples, read_audio(source))


@pytest.mark.parametrize(
    ("clip", "message"),
    [
        ("rows.h5@32000:1", "silent"),
        ("rows.h5@32000:2", "it has 2 clips, numbered from 0"),
        ("clips.hdf5@32000:part/none", "no clip 'part/none'"),
        ("clips.hdf5@32000:part/odd", "unsupported sample type uint8"),
        ("none.h5@32000:0", "no such file|No such file"),
    ],
)
def test_what_cannot_be_used(packed, clip, message):
    with pytest.raises(AudioError, match=message) as found:
        read_audio(f"{packed}/{clip}")
    assert "\n" not in str(found.value)


def test_without_h5py_it_says_what_to_install(packed, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    (packed / "other.h5").touch()
    with pytest.raises(AudioError, match="pip install h5py"):
        read_audio(f"{packed}/other.h5@32000:0")


def test_the_file_of_a_source(tmp_path):
    assert split_source("a/b.h5@32000:Y-x:3") == ("a/b.h5", "Y-x:3")
    assert split_source("a/b.ark:17") == ("a/b.ark", 17)
    assert split_source("sox a.wav |") == (None, None)
    (tmp_path / "a:1").touch()
    assert split_source(f"{tmp_path}/a:1") == (f"{tmp_path}/a:1", None)
