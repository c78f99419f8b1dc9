"""The front end of exported graphs computes what `Fbank` computes."""

import pytest
import torch
from features.test_fbank import CONFIGS, coloured

from asda.export.log_mel import LogMel
from asda.features.fbank import Fbank
from asda.features.fbank_config import FbankConfig


@pytest.mark.parametrize("config", [*CONFIGS, FbankConfig(frame_length_ms=10, snip_edges=False)])
def test_each_clip_of_a_batch_has_the_features_of_fbank(config):
    rate = config.sample_rate
    lengths = [rate // 2, rate, rate // 2 + 777]
    batch = torch.stack([coloured(rate, seed) + 0.25 for seed in range(3)])
    found, num_frames = LogMel(config)(batch, torch.tensor(lengths))
    for row, length in enumerate(lengths):
        expected = Fbank(config)(batch[row, :length])
        assert num_frames[row] == len(expected)
        difference = (found[row, : len(expected)] - expected).abs()
        # The spectrum falls by 90 dB, so its end has few exact digits in float32.
        assert difference.max() < 2e-2
        assert difference.mean() < 1e-4


@pytest.mark.parametrize("snip_edges", [True, False])
def test_number_of_frames_is_that_of_the_settings(snip_edges):
    config = FbankConfig(snip_edges=snip_edges)
    lengths = [0, 399, 400, 479, 559, 560, 639, 640, 16000]
    found = LogMel(config)(torch.zeros(len(lengths), 16000), torch.tensor(lengths))[1]
    assert found.tolist() == [config.num_frames(length) for length in lengths]
