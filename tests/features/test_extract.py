"""Audio to log-mel features in one call, and what is refused."""

import numpy as np
import pytest
import soundfile
import torch

from asda.audio.waveform import AudioError, read_audio
from asda.features.extract import extract_log_mel
from asda.features.fbank import Fbank
from asda.features.fbank_config import FbankConfig

FBANK = Fbank(FbankConfig(sample_rate=8000, num_mel_bins=24))


@pytest.fixture
def path(tmp_path):
    samples = np.random.default_rng(0).normal(0, 0.1, 16000)
    soundfile.write(tmp_path / "a.wav", samples, 16000, subtype="FLOAT")
    return str(tmp_path / "a.wav")


@pytest.mark.parametrize("resampler", ["soxr", "torchaudio"])
def test_features_are_those_of_the_resampled_segment(path, resampler):
    fbank = Fbank(FbankConfig(sample_rate=8000, num_mel_bins=24, resampler=resampler))
    waveform = read_audio(path, 8000, start=0.2, end=0.7, resampler=resampler)
    found = extract_log_mel(path, fbank, 0.2, 0.7)
    assert found.shape == (48, 24) and found.dtype == np.float32
    np.testing.assert_array_equal(found, fbank(torch.from_numpy(waveform)).numpy())


def test_the_waveform_is_transformed_before_the_filterbank(path):
    seen = []

    def quarter(waveform):
        seen.append(waveform.shape)
        return waveform / 4

    plain = extract_log_mel(path, FBANK)
    quiet = extract_log_mel(path, FBANK, waveform_transform=quarter)
    assert seen == [(8000,)]
    np.testing.assert_allclose(plain - quiet, 2 * np.log(4), atol=1e-3)


def test_what_cannot_be_used_is_an_audio_error(path, tmp_path):
    with pytest.raises(AudioError, match="too short: 80 samples, a frame has 200"):
        extract_log_mel(path, FBANK, 0.2, 0.21)
    with pytest.raises(AudioError, match="no such file"):
        extract_log_mel(str(tmp_path / "none.wav"), FBANK)
    loud = np.full(8000, 1e30) * (-1) ** np.arange(8000)
    soundfile.write(tmp_path / "loud.wav", loud, 8000, "FLOAT")
    with pytest.raises(AudioError, match="features are not finite"):
        extract_log_mel(str(tmp_path / "loud.wav"), FBANK)
