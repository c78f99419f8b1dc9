"""From a waveform to the padded spectrogram, against torchaudio (docs/algorithm.md#features)."""

import dataclasses

import numpy as np
import pytest
import soundfile
import torch
import torchaudio

from asda.audio.waveform import read_audio
from asda.dataset.clips import open_clips
from asda.dataset.feature_sources import FeatureInput
from asda.features.fbank import Fbank
from asda.features.fbank_config import FbankConfig


def textbook(waveform, rate, frames, mean, std):
    """Features as torchaudio makes them, in the type of the waveform."""
    waveform = torch.from_numpy(waveform)[None]
    waveform = torchaudio.functional.resample(
        waveform, rate, 16000, lowpass_filter_width=6, rolloff=0.99
    )
    waveform = waveform - waveform.mean()
    fbank = torchaudio.compliance.kaldi.fbank(
        waveform,
        htk_compat=True,
        sample_frequency=16000,
        use_energy=False,
        window_type="hanning",
        num_mel_bins=128,
        dither=0.0,
        frame_shift=10,
    )
    padded = torch.zeros(frames, 128, dtype=waveform.dtype)
    padded[: len(fbank)] = fbank[:frames]
    return ((padded - mean) / (2 * std)).numpy()


def rounding(features, exact, std):
    """Return the largest error of a log energy, in terms of the strongest band of its frame.

    A sum of float32 products is rounded relative to the largest amplitude A of its frame, so that
    the logarithm of a band of amplitude a is wrong by about A / a times that. The unscaled error is
    that of whichever band is faintest, and depends on the order in which a processor adds.
    """
    log_energy = exact * 2 * std
    relative = np.exp((log_energy - log_energy.max(axis=1, keepdims=True)) / 2)
    return (np.abs(features - exact) * relative).max()


@pytest.fixture
def corpus(tmp_path):
    """A data directory of one clip."""

    def make(seconds, rate, seed=0):
        rng = np.random.default_rng(seed)
        tone = np.sin(np.cumsum(np.linspace(0.01, 0.9, int(seconds * rate))))
        waveform = 0.3 * tone + 0.02 * rng.standard_normal(len(tone)) + 0.05  # with an offset
        soundfile.write(tmp_path / "a.wav", waveform, rate, subtype="FLOAT")
        (tmp_path / "wav.scp").write_text(f"a {tmp_path}/a.wav\n")
        (tmp_path / "utt2spk").write_text("a a\n")
        (tmp_path / "utt2dur").write_text(f"a {seconds}\n")
        return tmp_path, soundfile.read(tmp_path / "a.wav", dtype="float32")[0]

    return make


def preset_features(repository):
    return FeatureInput(fbank=str(repository / "egs/presets/fbank.yaml"))


@pytest.mark.parametrize(
    ("name", "seconds", "rate", "padding"),
    [
        ("pretrain_asda_base", 10, 32000, 0.46706),
        ("pretrain_asda_base", 10, 16000, 0.46706),
        ("pretrain_eat_base", 12, 48000, None),
        ("finetune_esc50", 5, 44100, 0.61831),
        ("finetune_speechcommands", 1, 16000, 0.61509),
    ],
)
def test_the_array_of_the_reference(preset, repository, corpus, name, seconds, rate, padding):
    folder, waveform = corpus(seconds, rate)
    data = preset(name).data
    clips = open_clips(str(folder), preset_features(repository), data)
    found = clips[0, 0].features.read()
    options = (rate, data.max_frames, data.norm_mean, data.norm_std)
    exact, theirs = textbook(waveform.astype(np.float64), *options), textbook(waveform, *options)
    assert found.shape == exact.shape == (data.max_frames, 128)
    assert found.dtype == np.float32
    assert np.abs(found - theirs).mean() < 2e-6
    own, other = (rounding(x, exact, data.norm_std) for x in (found, theirs))
    assert own < 1.5 * other
    valid = 1 + (seconds * 16000 - 400) // 160
    if padding is None:
        assert valid > data.max_frames
    else:
        np.testing.assert_allclose(found[valid:], padding, atol=1e-5)
        assert abs(found[valid - 1].mean() - padding) > 0.05


def test_training_clips_begin_where_scored_ones_do(preset, repository, corpus):
    """No random crop."""
    folder, _ = corpus(12, 16000)
    config = preset("pretrain_asda_base")
    features = preset_features(repository)
    training = open_clips(str(folder), features, config.data, augment=config.augment)
    expected = open_clips(str(folder), features, config.data)[0, 0].features.read()
    assert all((training[epoch, 0].features.read() == expected).all() for epoch in range(3))


def test_silence_after_normalisation(preset):
    data = preset("pretrain_asda_base").data
    silence = Fbank(FbankConfig())(torch.zeros(160000))
    torch.testing.assert_close(silence, torch.full((998, 128), -15.9424), atol=1e-4, rtol=0)
    normal = (silence - data.norm_mean) / (2 * data.norm_std)
    torch.testing.assert_close(normal, torch.full((998, 128), -1.2776), atol=1e-4, rtol=0)


@pytest.mark.parametrize(("samples", "frames"), [(16000, 98), (80000, 498), (160000, 998)])
def test_frames(samples, frames):
    """Only whole frames count."""
    assert Fbank(FbankConfig())(torch.randn(samples)).shape == (frames, 128)


@pytest.mark.parametrize("rate", [8000, 22050, 32000, 44100])
def test_resamplers_differ_and_each_is_its_own(corpus, rate):
    folder, waveform = corpus(1.03, rate)
    path = str(folder / "a.wav")
    theirs = torchaudio.functional.resample(torch.from_numpy(waveform), rate, 16000).numpy()
    np.testing.assert_array_equal(read_audio(path, resampler="torchaudio"), theirs)
    ours = read_audio(path)
    length = min(len(ours), len(theirs))
    assert 1e-5 < np.abs(ours[:length] - theirs[:length]).max() < 0.3


def test_the_resampler_is_part_of_the_features(preset, repository, corpus, tmp_path):
    """Audio read with the other resampler gives other features, so the key matters."""
    folder, _ = corpus(1, 32000)
    plain = tmp_path / "plain.yaml"
    plain.write_text("resampler: soxr\n")
    data = dataclasses.replace(preset("finetune_speechcommands").data, padding="mask")
    inputs = (preset_features(repository), FeatureInput(fbank=str(plain)))
    first, second = (open_clips(str(folder), i, data)[0, 0].features.read() for i in inputs)
    assert np.abs(first - second).max() > 1e-3
