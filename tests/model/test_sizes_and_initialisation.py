import dataclasses

import pytest
import torch

from asda.model.classifier import Classifier
from asda.model.decoder import Decoder
from asda.model.encoder import Block, Encoder
from asda.model.model_config import AttentionConfig, ModelConfig
from asda.model.pretrainer import Pretrainer


def count(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    ("attention", "ratio", "encoder", "decoder"),
    [
        (AttentionConfig(), 3.5, 92364288, 2585856),
        (AttentionConfig(kind="standard"), 4.0, 85254144, 2585856),
    ],
)
def test_base_models_have_the_published_number_of_parameters(attention, ratio, encoder, decoder):
    """docs/algorithm.md#model-sizes"""
    config = ModelConfig(size="base", attention=attention, mlp_ratio=ratio).resolved()
    with torch.device("meta"):
        blocks = [Block(config, index, 0.0) for index in range(config.depth)]
    shell = count(Encoder(dataclasses.replace(config, depth=1))) - count(blocks[0])
    assert shell + sum(count(block) for block in blocks) == encoder
    assert count(Decoder(config)) == decoder
    head = 2 * 768 + 768 * 527 + 527
    assert encoder + head == {"differential": 92771087, "standard": 85660943}[attention.kind]


@torch.no_grad()
def test_initial_weights_have_the_published_statistics():
    """docs/algorithm.md#initialisation"""
    torch.manual_seed(0)
    model = Pretrainer(ModelConfig(size="base", depth=1).resolved())
    block = model.student.blocks[0]
    for linear in (block.attn.qk, block.attn.v, block.attn.proj, block.mlp.fc1, block.mlp.fc2):
        assert linear.weight.std() == pytest.approx(0.02, rel=0.01)
        assert (linear.bias == 0).all()
    patch = model.student.patches.proj
    assert patch.weight.abs().max() == pytest.approx(0.07655, rel=0.001)
    assert patch.bias.abs().max() <= 1 / 16
    assert model.student.cls_token.std() == pytest.approx(1, rel=0.1)
    conv = model.decoder.convs[0]
    assert conv.weight.abs().max() == pytest.approx(0.04811, rel=0.001)
    assert model.decoder.proj.weight.abs().max() == pytest.approx(0.03608, rel=0.001)
    head = Classifier(ModelConfig(size="base", depth=1).resolved(), 527, "cls").head
    assert head.weight.std() == pytest.approx(0.02, rel=0.02)
