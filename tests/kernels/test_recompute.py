"""What is made again in the backward pass is the same, and is not kept until then."""

import weakref

import pytest
import torch
from torch.nn import functional as F

from asda.kernels.recompute import again, remaking


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_gradients_are_the_same(precision):
    torch.manual_seed(1)
    x = torch.randn(7, 8, requires_grad=True)
    first, second = torch.nn.Linear(8, 16), torch.nn.Linear(16, 8)

    def gradients(make):
        autocast = torch.autocast("cpu", torch.bfloat16, enabled=precision is torch.bfloat16)
        with autocast, remaking(x):
            hidden = make(F.gelu, first(x))
            out = second(hidden) + make(F.tanh, hidden).sum()
        return torch.autograd.grad(out.float().square().sum(), [x, *first.parameters()])

    plain = gradients(lambda function, *inputs: function(*inputs))
    for one, other in zip(gradients(again), plain, strict=True):
        assert torch.equal(one, other)


def test_a_result_is_not_kept_for_the_backward_pass():
    x = torch.randn(4, 8, requires_grad=True)
    linear = torch.nn.Linear(8, 8)

    def run(make):
        with remaking(x):
            result = make(F.gelu, x * 2)
            return linear(result).sum(), weakref.ref(result.untyped_storage())

    loss, storage = run(again)
    assert storage() is None
    plain, storage = run(lambda function, *inputs: function(*inputs))
    assert storage() is not None
    torch.testing.assert_close(torch.autograd.grad(loss, x), torch.autograd.grad(plain, x))


def test_two_backward_passes():
    x = torch.randn(4, 8, requires_grad=True)
    with remaking(x):
        loss = again(F.gelu, x * 2).square().sum()
    once = torch.autograd.grad(loss, x, retain_graph=True)
    twice = torch.autograd.grad(loss, x)
    assert torch.equal(once[0], twice[0])
