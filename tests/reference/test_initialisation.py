"""Initial weights of a base model (docs/algorithm.md#initialisation)."""

import dataclasses
import math

import pytest
import torch

from asda.model.classifier import Classifier
from asda.model.pretrainer import Pretrainer


@pytest.fixture
def pretrainer(preset):
    config = preset("pretrain_asda_base")
    model = dataclasses.replace(config.model, depth=2, target_layers=2)
    torch.manual_seed(0)
    return Pretrainer(model.resolved())


def assert_uniform(tensor, bound):
    tensor = tensor.detach()
    assert 0.97 * bound < tensor.abs().max() < 1.001 * bound
    assert float(tensor.std()) == pytest.approx(bound / math.sqrt(3), rel=0.05)


def test_encoder(pretrainer):
    block = pretrainer.student.blocks[1]
    for layer in (block.attn.qk, block.attn.v, block.attn.proj, block.mlp.fc1, block.mlp.fc2):
        assert layer.weight.std().item() == pytest.approx(0.02, rel=0.01)
        assert layer.weight.abs().max() > 0.08  # not truncated
        assert (layer.bias == 0).all()
    for norm in (block.norm1, block.norm2, block.attn.norm, pretrainer.student.norm):
        assert (norm.weight == 1).all() and (norm.bias == 0).all()
    eps = [n.eps for n in (block.norm1, block.norm2, pretrainer.student.norm, block.attn.norm)]
    assert eps == [1e-6, 1e-6, 1e-6, 1e-5]


def test_patches_and_cls(pretrainer):
    patches = pretrainer.student.patches.proj
    assert_uniform(patches.weight, 0.07655)
    assert_uniform(patches.bias, 1 / 16)
    assert pretrainer.student.cls_token.std().item() == pytest.approx(1, rel=0.1)


def test_decoder(pretrainer):
    conv = pretrainer.decoder.convs[3]
    assert_uniform(conv.weight, 0.04811)
    assert_uniform(conv.bias, 0.04811)
    assert_uniform(pretrainer.decoder.proj.weight, 0.03608)
    assert_uniform(pretrainer.decoder.proj.bias, 0.03608)


def test_head(pretrainer):
    torch.manual_seed(0)
    classifier = Classifier(pretrainer.config, 527, "cls")
    assert classifier.head.weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert (classifier.head.bias == 0).all()
    assert (classifier.fc_norm.weight == 1).all() and classifier.fc_norm.eps == 1e-6
