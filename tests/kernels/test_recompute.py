"""Recomputed activations give the same gradients, and are not stored until the backward pass."""

import weakref

import pytest
import torch
from torch import nn

from asda.kernels.recompute import recompute_outputs, recomputing, recomputing_pays


class Residual(nn.Module):
    """Outputs of a norm and of a GELU that several operations use."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(8, 16), nn.Linear(16, 8)
        self.norm, self.gelu = nn.LayerNorm(8), nn.GELU()

    def forward(self, x):
        x = self.norm(x)
        hidden = self.gelu(self.first(x))
        return x + self.second(hidden) + hidden.tanh().sum()


def network():
    torch.manual_seed(1)
    return nn.Sequential(Residual(), Residual())


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_gradients_are_the_same(precision):
    torch.manual_seed(1)
    x = torch.randn(7, 8, requires_grad=True)
    plain, marked = network(), network()
    recompute_outputs(marked)
    with torch.autocast("cpu", torch.bfloat16, enabled=precision is torch.bfloat16):
        expected = plain(x)
        with recomputing():
            found = marked(x)
    assert torch.equal(found, expected)
    grads = [
        torch.autograd.grad(out.float().square().sum(), [x, *model.parameters()])
        for out, model in ((found, marked), (expected, plain))
    ]
    for one, other in zip(*grads, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("marked", [False, True])
def test_an_output_is_not_stored_for_the_backward_pass(marked):
    gelu, linear = nn.GELU(), nn.Linear(8, 8)
    if marked:
        recompute_outputs(gelu)
    with recomputing():
        hidden = gelu(torch.randn(4, 8, requires_grad=True) * 2)
        out = linear(hidden).sum()
    storage = weakref.ref(hidden.untyped_storage())
    del hidden
    assert (storage() is None) == marked
    out.backward()
    assert linear.weight.grad.abs().sum() > 0


def test_two_backward_passes():
    x = torch.randn(4, 8, requires_grad=True)
    gelu = nn.GELU()
    recompute_outputs(gelu)
    with recomputing():
        loss = gelu(x * 2).square().sum()
    once = torch.autograd.grad(loss, x, retain_graph=True)
    twice = torch.autograd.grad(loss, x)
    assert torch.equal(once[0], twice[0])


def test_only_some_rows_of_an_output():
    """A part of an output has another shape, and is stored as it is."""
    x = torch.randn(4, 8, requires_grad=True)
    gelu = nn.GELU()
    plain = torch.autograd.grad(gelu(x)[:2].square().sum(), x)
    recompute_outputs(gelu)
    with recomputing():
        loss = gelu(x)[:2].square().sum()
    assert torch.equal(torch.autograd.grad(loss, x)[0], plain[0])


def test_nothing_is_marked_without_gradients():
    gelu = nn.GELU()
    recompute_outputs(gelu)
    with torch.no_grad():
        assert not hasattr(gelu(torch.ones(2)), "_recomputation")


@pytest.mark.parametrize(
    ("width", "device", "pays"), [(2000, "cpu", True), (1000, "cpu", False), (2000, "meta", False)]
)
def test_it_pays_for_large_models_on_a_cpu(width, device, pays):
    assert recomputing_pays(nn.Linear(width, width, device=device)) == pays
