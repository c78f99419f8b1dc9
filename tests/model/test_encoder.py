import pytest
import torch
from model.networks import tiny

from asda.model.encoder import Encoder


def test_drop_path_rises_linearly_and_acts_in_training_only():
    encoder = Encoder(tiny(depth=3), drop_path=0.1)
    assert [block.drop_path for block in encoder.blocks] == pytest.approx([0, 0.05, 0.1])
    fbank = torch.randn(2, 64, 128)
    encoder.eval()
    torch.testing.assert_close(encoder(fbank).tokens, encoder(fbank).tokens)
    encoder.blocks[0].drop_path = 0.5
    encoder.train()
    assert not torch.equal(encoder(fbank).tokens, encoder(fbank).tokens)
