"""Updates of the training loop against the order of operations of the reference, by hand."""

import dataclasses
import math

import pytest
import torch
from torch import nn

from asda.checkpoint.saved_model import SavedModel
from asda.dataset.collate import Batch
from asda.distributed import Process
from asda.model.model_config import DecoderConfig
from asda.model.pretrainer import Pretrainer
from asda.tasks.pretraining import PretrainTask, teacher_decay
from asda.training.experiment import Experiment
from asda.training.loop import train
from asda.training.optimizer import learning_rate

UPDATES = 4
KEPT = 6


class Task(PretrainTask):
    """Pretraining on given batches instead of files."""

    def __init__(self, config):
        self.config = config
        torch.manual_seed(5)
        self.model = Pretrainer(config.model)
        self.weights = None

    def loader(self, start):
        return (batch(number) for number in range(start, UPDATES))

    def evaluate(self):
        return {}

    def package(self, weights, facts):
        self.weights = {name: tensor.clone() for name, tensor in weights.items()}
        return SavedModel("pretrained", {}, {}, {}, {}, {}, "tokens", facts=facts)


def batch(number):
    generator = torch.Generator().manual_seed(number)
    features = torch.randn(2, 64, 128, generator=generator)
    order = torch.rand(2, 3, 32, generator=generator).argsort(dim=2)
    return Batch(["a", "b"], features, None, {"visible": order[..., :KEPT].sort(dim=2).values})


@pytest.fixture
def config(preset, tmp_path):
    """The preset for ASDA with a small model, few updates and a decay of the teacher to notice."""
    config = preset("pretrain_asda_base")
    decoder = DecoderConfig(layers=1, kernel=3, groups=4)
    model = dataclasses.replace(
        config.model, depth=2, width=32, heads=2, num_masks=3, target_layers=2, decoder=decoder
    )
    optimizer = dataclasses.replace(
        config.optimizer, lr=0.05, min_lr=0.02, warmup=2, clip_norm=1.0, eps=1e-3
    )
    teacher = dataclasses.replace(config.teacher, decay=0.6, end_decay=0.9, anneal_updates=2)
    training = dataclasses.replace(config.training, updates=UPDATES, precision="float32")
    return dataclasses.replace(
        config,
        exp=str(tmp_path / "exp"),
        model=model.resolved(),
        optimizer=optimizer,
        teacher=teacher,
        training=training,
    )


def by_hand(config):
    """Return the weights after the updates, and the gradient norms met on the way."""
    torch.manual_seed(5)
    model = Pretrainer(config.model).train()
    options = config.optimizer
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    first = {name: torch.zeros_like(p) for name, p in trained.items()}
    second = {name: torch.zeros_like(p) for name, p in trained.items()}
    norms = []
    for n in range(UPDATES):
        if n > 0:
            decay = 0.9 - (0.9 - 0.6) * max(0.0, 1 - n / 2)
            student = dict(model.student.named_parameters())
            for name, parameter in model.teacher.named_parameters():
                parameter.data = decay * parameter + (1 - decay) * student[name].data
        torch.manual_seed(config.training.seed + n)
        given = batch(n)
        model.zero_grad()
        model(given.features, given.extras["visible"]).loss.backward()
        norm = math.sqrt(sum(float(p.grad.double().square().sum()) for p in trained.values()))
        norms.append(norm)
        rate = learning_rate(n, options.lr, options, UPDATES)
        for name, p in trained.items():
            gradient = p.grad * min(1.0, options.clip_norm / norm)
            first[name] = 0.9 * first[name] + 0.1 * gradient
            second[name] = 0.95 * second[name] + 0.05 * gradient**2
            correction = math.sqrt(1 - 0.95 ** (n + 1)) / (1 - 0.9 ** (n + 1))
            p.data *= 1 - rate * 0.05
            p.data -= rate * correction * first[name] / (second[name].sqrt() + options.eps)
    return model.state_dict(), norms


def test_the_loop_is_the_reference_step(config):
    task, process = Task(config), Process(0, 1, torch.device("cpu"))
    experiment = Experiment(config, "pretrain", process)
    train(task, experiment, process)
    expected, norms = by_hand(config)
    assert max(norms) > config.optimizer.clip_norm  # clipping takes part
    for name, tensor in expected.items():
        torch.testing.assert_close(task.weights[name], tensor, rtol=1e-3, atol=2e-5, msg=name)


def test_learning_rate_of_the_presets(preset):
    """docs/algorithm.md#schedule"""
    config = preset("pretrain_asda_base")
    rates = {0: 0.0, 1: 4.68753e-9, 106666: 5e-4, 400000: 3.09828e-4, 800000: 0.0}
    for update, rate in rates.items():
        found = learning_rate(update, config.optimizer.lr, config.optimizer, 800000)
        assert found == pytest.approx(rate, rel=2e-6, abs=1e-15)


@pytest.mark.parametrize(
    ("name", "update", "decay"),
    [
        ("asda_base", 1, 0.9998000019),
        ("asda_base", 50000, 0.999895),
        ("asda_base", 100000, 0.99999),
        ("asda_base", 700000, 0.99999),
        ("eat_large", 75000, 0.999895),
    ],
)
def test_teacher_decay_of_the_presets(preset, name, update, decay):
    """docs/algorithm.md#losses"""
    config = preset(f"pretrain_{name}").teacher
    assert teacher_decay(update, config) == pytest.approx(decay, abs=1e-11)


def test_number_of_masked_patches(preset):
    """12 clips of 16 masks with 410 masked patches each."""
    import numpy as np

    from asda.model.masking import sample_visible

    config = preset("pretrain_asda_base")
    mask = config.model.mask
    rng = np.random.default_rng(0)
    kept = [sample_visible(64, 8, config.model.num_masks, mask, rng) for _ in range(12)]
    assert sum(num_masks.shape[0] * (512 - num_masks.shape[1]) for num_masks in kept) == 78720


def test_frame_loss_is_a_mean_over_masked_patches_and_cls_loss_a_sum(config):
    """From predictions and targets (docs/algorithm.md#monitoring)."""
    torch.manual_seed(0)
    model, given = Pretrainer(config.model).eval(), batch(0)
    model.decoder.mask_noise = 0.0
    output = model(given.features, given.extras["visible"])
    target, _ = model.targets(given.features, None)
    cls, prediction = model.predict(given.features, given.extras["visible"], None)
    masked = torch.ones(2, 3, 32, dtype=torch.bool).scatter(2, given.extras["visible"], False)
    errors = (prediction - target[:, None]).square().sum(3) / math.sqrt(32)
    torch.testing.assert_close(output.frame_loss, errors[masked].sum() / (2 * 3 * (32 - KEPT)))
    errors = (cls - target.mean(1)[:, None]).square().sum() / math.sqrt(32)
    torch.testing.assert_close(output.cls_loss, 0.5 * errors)


def test_target_is_normalised_per_channel_then_per_patch(config):
    """With the layers of torch (docs/algorithm.md#targets)."""
    torch.manual_seed(0)
    model, given = Pretrainer(config.model), batch(0)
    for parameter in model.teacher.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    blocks = model.teacher.hidden_states(model.teacher.patches(given.features), None)
    per_channel = nn.InstanceNorm1d(32, eps=1e-5)
    normed = [per_channel(ffn[:, 1:].transpose(1, 2)).transpose(1, 2) for _, ffn in blocks]
    expected = nn.LayerNorm(32, eps=1e-5, elementwise_affine=False)(sum(normed) / 2)
    torch.testing.assert_close(model.targets(given.features, None)[0], expected)
