"""Features of recordings that are read in blocks."""

import numpy as np
import pytest
import torch

from asda.features.fbank import Fbank
from asda.features.fbank_config import FbankConfig
from asda.inference.audio_input import Waveform
from asda.inference.log_mel_stream import LogMelStream


@pytest.mark.parametrize("samples", [500, 16000, 16000 * 70 + 33])
@pytest.mark.parametrize("snip_edges", [True, False])
def test_blocks_make_the_features_of_the_whole_recording(samples, snip_edges):
    fbank = Fbank(FbankConfig(num_mel_bins=40, remove_mean=False, snip_edges=snip_edges))
    waveform = np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32)
    stream = LogMelStream(Waveform(waveform, 16000), fbank)
    found = np.concatenate(list(stream))
    np.testing.assert_allclose(found, fbank(torch.from_numpy(waveform)).numpy(), atol=1e-4)
    assert stream.samples == samples
