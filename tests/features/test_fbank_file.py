"""conf/fbank.conf in the form of Kaldi's compute-fbank-feats."""

import numpy as np
import pytest
import torch

from asda.configuration import save
from asda.features.fbank import Fbank
from asda.features.fbank_config import FbankConfig
from asda.features.fbank_file import load_fbank
from asda.files import InputError

CONF = """# High-resolution features
--use-energy=false   # no energy
--sample-frequency=8000
--num-mel-bins=40
--dither=0.0

--window-type=hamming
--low-freq=40
--high-freq=-400
--snip_edges=false
--allow-downsample
"""


def conf(tmp_path, text):
    path = tmp_path / "fbank.conf"
    path.write_text(text)
    return path


def test_options_of_kaldi_become_settings(tmp_path):
    read = load_fbank(conf(tmp_path, CONF))
    assert read == FbankConfig(
        sample_rate=8000,
        num_mel_bins=40,
        window="hamming",
        low_freq=40,
        high_freq=3600,
        snip_edges=False,
        remove_mean=False,
    )


def test_what_the_file_leaves_out_is_as_in_kaldi(tmp_path):
    read = load_fbank(conf(tmp_path, "--use-energy=false\n"))
    assert (read.num_mel_bins, read.window, read.high_freq) == (23, "povey", 0)


def test_the_features_are_kaldis(tmp_path):
    """They are those of torchaudio.compliance.kaldi, whose samples are 32768 times as large."""
    kaldi = pytest.importorskip("torchaudio.compliance.kaldi")
    text = "--sample-frequency=16000\n--num-mel-bins=80\n--low-freq=100\n--high-freq=-500\n"
    waveform = torch.from_numpy(np.random.default_rng(0).normal(0, 0.1, 16000)).float()
    expected = kaldi.fbank(
        waveform[None] * 32768, num_mel_bins=80, low_freq=100, high_freq=-500, dither=0
    )
    found = Fbank(load_fbank(conf(tmp_path, text)))(waveform)
    torch.testing.assert_close(found + 2 * np.log(32768), expected, atol=2e-3, rtol=0)


def test_yaml_is_read_as_before(tmp_path):
    config = FbankConfig(num_mel_bins=64, low_freq=50)
    save(config, tmp_path / "fbank.yaml")
    assert load_fbank(tmp_path / "fbank.yaml") == config


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("--use-energy=true\n", ":1: --use-energy=true: asda supports --use-energy=false only"),
        ("--dither=0\n--num-ceps=13\n", ":2: no option --num-ceps of compute-fbank-feats"),
        ("--num-mel-bin=80\n", "no option --num-mel-bin .*, did you mean --num-mel-bins?"),
        ("--dither=0\nnum_mel_bins: 80\n", ":2: expected --name=value as in the lines above"),
        ("--num-mel-bins=many\n", ":1: 'many' is no value of this option"),
        ("--snip-edges=0\n", ":1: '0' is no value of this option"),
        ("--window-type=blackman\n", "fbank.conf: .*blackman"),
        ("--low-freq=9000\n", "fbank.conf: .*low_freq must be"),
    ],
)
def test_what_cannot_be_computed_is_refused(tmp_path, text, message):
    with pytest.raises(InputError, match=message) as caught:
        load_fbank(conf(tmp_path, text))
    assert "\n" not in str(caught.value)
