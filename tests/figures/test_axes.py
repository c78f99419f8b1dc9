"""Axes of seconds and hertz."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from asda.features.fbank_config import FbankConfig
from asda.figures.spectrogram import draw_patches, draw_spectrogram, frequency_ticks
from asda.model.model_config import ResolvedPatch

PATCH = ResolvedPatch(time=16, freq=16, time_stride=16, freq_stride=16)


def peak(config, hertz):
    """The filter that a tone excites most, from the mel formula itself."""
    mel = 1127 * np.log1p(np.array([config.low_freq, config.upper_freq, hertz]) / 700)
    centres = np.linspace(mel[0], mel[1], config.num_mel_bins + 2)[1:-1]
    return int(np.abs(centres - mel[2]).argmin())


@pytest.mark.parametrize("rate, bins", [(16000, 128), (8000, 40), (44100, 64)])
def test_ticks_are_round_frequencies_where_their_filters_are_drawn(rate, bins):
    config = FbankConfig(sample_rate=rate, num_mel_bins=bins)
    ticks = {hertz: position for position, hertz in frequency_ticks(config)}
    assert set(ticks) <= {100, 250, 500, 1000, 2000, 4000, 8000, 16000}
    assert 1000 in ticks and 2000 in ticks
    for hertz, position in ticks.items():  # row n of the picture lies between n and n + 1
        assert abs(position - (peak(config, hertz) + 0.5)) <= 0.51
    gaps = np.diff(sorted(ticks.values()))
    assert gaps.min() >= 0.07 * bins


def test_half_the_sample_rate_is_the_upper_edge():
    assert dict(map(reversed, frequency_ticks(FbankConfig(sample_rate=8000))))[4000] == 128


def test_spectrogram_and_patches_share_their_axes():
    axes = Figure().subplots(2, 1)
    config = FbankConfig()
    top = draw_spectrogram(axes[0], np.zeros((40, 128), np.float32), config, start=2.0)
    low = draw_patches(axes[1], np.zeros((3, 8)), PATCH, config, end=2.4, start=2.0)
    assert top.get_extent() == pytest.approx([2.0, 2.4, 0, 128])
    assert low.get_extent() == pytest.approx([2.0, 2.48, 0, 128])  # the last patch is half full
    assert axes[0].get_xlim() == pytest.approx(axes[1].get_xlim())
    assert axes[0].get_ylim() == axes[1].get_ylim() == (0, 128)
    assert [each.get_xlabel() for each in axes] == ["time (s)"] * 2
    assert [each.get_ylabel() for each in axes] == ["frequency (Hz)"] * 2
