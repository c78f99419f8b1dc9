"""A loss that is differentiated part by part is that of the whole."""

import weakref

import numpy as np
import pytest
import torch

from asda.kernels.chunked_loss import sum_over_parts
from asda.model import pretrainer
from asda.model.masking import sample_visible
from asda.model.model_config import (
    AttentionConfig,
    DecoderConfig,
    MaskConfig,
    ModelConfig,
    patch_grid,
)
from asda.model.pretrainer import Pretrainer

PARTS = [slice(0, 2), slice(2, 3), slice(3, 5)]
FRAMES = 64


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return torch.nn.Linear(3, 2, dtype=torch.float64)


def losses(layer):
    """A function of parts, and what it was called with."""
    scale = torch.arange(1.0, 6.0, dtype=torch.float64)

    def of_part(rows, part):
        out = layer(rows).square().sum(dim=1)
        return (out * scale[part]).sum(), out.detach().max()

    return of_part


@pytest.mark.parametrize("factor", [1.0, 0.25])
def test_sums_and_gradients(layer, factor):
    x = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    variables = [x, *layer.parameters()]
    expected, _ = losses(layer)(x, slice(None))
    loss, number = sum_over_parts(losses(layer), PARTS, x, list(layer.parameters()))
    torch.testing.assert_close(loss, expected)
    assert not number.requires_grad
    found = torch.autograd.grad(factor * loss, variables, retain_graph=True)
    for one, other in zip(found, torch.autograd.grad(factor * expected, variables), strict=True):
        torch.testing.assert_close(one, other)
    for one, other in zip(torch.autograd.grad(loss, variables), found, strict=True):
        torch.testing.assert_close(factor * one, other)


def test_without_gradients(layer):
    x = torch.randn(5, 3, dtype=torch.float64)
    with torch.no_grad():
        loss, _ = sum_over_parts(losses(layer), PARTS, x, list(layer.parameters()))
        torch.testing.assert_close(loss, losses(layer)(x, slice(None))[0])


def test_one_part_at_a_time_is_in_memory(layer):
    made = []

    def of_part(rows, part):
        assert all(storage() is None for storage in made)
        hidden = layer(rows).exp()
        made.append(weakref.ref(hidden.untyped_storage()))
        return hidden.square().sum(), hidden.detach().sum()

    x = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    sum_over_parts(of_part, PARTS, x, list(layer.parameters()))
    assert len(made) == len(PARTS)


def config(kind, learned):
    return ModelConfig(
        size="tiny",
        depth=2,
        width=32,
        heads=4,
        mel_bins=32,
        num_masks=3,
        mask=MaskConfig(ratio=0.6, block_time=2, block_freq=2),
        decoder=DecoderConfig(mask_noise=0.0, groups=4),
        attention=AttentionConfig(kind=kind, learn_lambda=learned),
    ).resolved()


def batch(model, ragged):
    lengths = [FRAMES, FRAMES // 2, FRAMES - 16] if ragged else [FRAMES] * 3
    rng = np.random.default_rng(0)
    kept = [
        sample_visible(*patch_grid(model, length), model.num_masks, model.mask, rng)
        for length in lengths
    ]
    most = max(places.shape[1] for places in kept)
    kept = [
        np.pad(places, ((0, 0), (0, most - places.shape[1])), constant_values=-1) for places in kept
    ]
    fbank = torch.randn(3, FRAMES, model.mel_bins)
    for clip, length in zip(fbank, lengths, strict=True):
        clip[length:] = 0
    return fbank, torch.from_numpy(np.stack(kept)), torch.tensor(lengths) if ragged else None


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize(
    "kind, learned", [("differential", False), ("differential", True), ("standard", False)]
)
def test_the_pretraining_step(monkeypatch, kind, learned, ragged):
    torch.manual_seed(0)
    model = Pretrainer(config(kind, learned)).train()
    inputs = batch(model.config, ragged)

    def step(cached_bytes):
        monkeypatch.setattr(pretrainer, "CACHED_BYTES", cached_bytes)
        model.zero_grad()
        output = model(*inputs)
        output.loss.backward()
        grads = [parameter.grad for parameter in model.parameters() if parameter.requires_grad]
        return output, torch.cat([grad.flatten() for grad in grads])

    parts, grads = step(1)
    whole, expected = step(2**40)
    for name in vars(whole):
        torch.testing.assert_close(getattr(parts, name), getattr(whole, name))
    assert torch.linalg.norm(grads - expected) <= 1e-6 * torch.linalg.norm(expected)
