"""Schedule, groups and Adam's two forms, against published figures."""

import math

import pytest
import torch
from torch import nn

from asda.model.classifier import Classifier
from asda.model.model_config import ModelConfig
from asda.training.optimizer import (
    layer_scales,
    learning_rate,
    make_optimizer,
    set_reference_eps,
)
from asda.training.run_config import OptimizerConfig, TeacherConfig


def test_pretraining_schedule():
    config = OptimizerConfig(lr=5e-4, warmup=106666)
    expected = {0: 0.0, 1: 4.68753e-9, 106666: 5e-4, 400000: 3.09828e-4}
    for update, rate in expected.items():
        assert learning_rate(update, 5e-4, config, 800000) == pytest.approx(rate, rel=1e-5)


def test_layers_below_the_lowest_rate_keep_their_rate():
    config = OptimizerConfig(lr=5e-5, min_lr=1e-6, warmup=10, layer_decay=0.65)
    peak = 5e-5 * layer_scales(13, config)[1]
    assert peak == pytest.approx(2.844e-7, rel=1e-3)
    assert {learning_rate(u, peak, config, 100) for u in (0, 5, 50, 99)} == {peak}


def test_layer_decay_table():
    table = [
        *(0.0056880, 0.0087508, 0.0134627, 0.0207119, 0.0318645, 0.0490223),
        *(0.0754189, 0.1160291, 0.1785063, 0.274625, 0.4225, 0.65),
    ]
    config = OptimizerConfig(layer_decay=0.65)
    _embeddings, *blocks = layer_scales(13, config)
    assert blocks == pytest.approx(table, rel=1e-4)


def test_embeddings_lie_below_the_blocks_or_at_the_full_rate():
    below = OptimizerConfig(layer_decay=0.5)
    full = OptimizerConfig(layer_decay=0.5, decay_embeddings=False)
    model = Classifier(ModelConfig(size="tiny", depth=3).resolved(), 4, "cls")
    for config, embeddings in ((below, 0.5**4), (full, 1)):
        groups = make_optimizer(model, config).param_groups
        scale_of = {p: group["lr_scale"] for group in groups for p in group["params"]}
        assert scale_of[model.encoder.cls_token] == embeddings
        assert scale_of[model.encoder.patches.proj.bias] == embeddings
        assert scale_of[model.encoder.blocks[0].norm1.bias] == 0.5**3
        assert scale_of[model.encoder.blocks[2].mlp.fc1.weight] == 0.5
        assert scale_of[model.head.weight] == scale_of[model.fc_norm.bias] == 1


def test_a_model_without_layers_has_one_rate():
    model = nn.Linear(2, 3)
    groups = make_optimizer(model, OptimizerConfig(layer_decay=0.5)).param_groups
    assert [group["lr_scale"] for group in groups] == [1, 1]


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.norm = nn.LayerNorm(2)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, 2))
        self.mask_token = nn.Parameter(torch.zeros(1, 1, 2))


@pytest.mark.parametrize("decay_all", [False, True])
def test_weight_decay_spares_biases_norms_and_tokens_unless_told(decay_all):
    model = Small()
    optimizer = make_optimizer(model, OptimizerConfig(decay_all=decay_all))
    decayed = {id(p) for g in optimizer.param_groups if g["weight_decay"] for p in g["params"]}
    names = {name for name, p in model.named_parameters() if id(p) in decayed}
    everything = {"layer.weight", "layer.bias", "norm.weight", "norm.bias"}
    everything |= {"cls_token", "mask_token"}
    assert names == (everything if decay_all else {"layer.weight"})


def test_reference_form_of_adam():
    """Decay, then a step by m / (sqrt(v) + eps) with eps beside the uncorrected root."""
    config = OptimizerConfig(lr=0.01, eps=0.1, eps_form="reference", decay_all=True)
    torch.manual_seed(0)
    model = nn.Linear(4, 1, bias=False).double()
    weight = model.weight.detach().clone()
    optimizer = make_optimizer(model, config)
    m = v = torch.zeros_like(weight)
    for step in range(1, 6):
        gradient = torch.randn_like(weight)
        model.weight.grad = gradient.clone()
        set_reference_eps(optimizer, config, step)
        optimizer.step()
        m = 0.9 * m + 0.1 * gradient
        v = 0.95 * v + 0.05 * gradient**2
        weight = weight * (1 - 0.01 * 0.05)
        correction = math.sqrt(1 - 0.95**step) / (1 - 0.9**step)
        weight = weight - 0.01 * correction * m / (v.sqrt() + 0.1)
        torch.testing.assert_close(model.weight.detach(), weight)


def test_teacher_decay():
    from asda.tasks.pretraining import teacher_decay

    config = TeacherConfig()
    assert teacher_decay(1, config) == pytest.approx(0.9998000019, abs=1e-10)
    assert teacher_decay(50000, config) == pytest.approx(0.999895)
    assert teacher_decay(100000, config) == teacher_decay(300000, config) == 0.99999
