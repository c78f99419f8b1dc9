"""Which form of differential attention a GPU takes."""

from types import SimpleNamespace

import pytest
import torch

from asda.kernels import gpu_forms
from asda.kernels.gpu_forms import Fastest, fastest_form
from asda.kernels.triton_limits import ONE_TILE


@pytest.fixture
def measured(monkeypatch):
    """A GPU on which short and long inputs have fastest forms of their own."""
    monkeypatch.setattr(gpu_forms, "FASTEST", {(9, 0): Fastest("stacked", "triton")})
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    monkeypatch.setattr(gpu_forms, "load_triton", lambda: None)


def values(device="cuda", dtype=torch.bfloat16, tokens=103, channels=64):
    return SimpleNamespace(device=torch.device(device), dtype=dtype, shape=(2, 3, tokens, channels))


def test_the_fastest_form_is_that_of_the_table(measured):
    assert fastest_form(values(tokens=ONE_TILE)) == "stacked"
    assert fastest_form(values(tokens=ONE_TILE + 1)) == "triton"


@pytest.mark.parametrize(
    "unmeasured", [{"device": "cpu"}, {"dtype": torch.float32}, {"channels": 65}]
)
def test_other_inputs_take_attention_of_pytorch(measured, unmeasured):
    assert fastest_form(values(tokens=513, **unmeasured)) == "fused"


def test_so_does_a_gpu_that_was_not_measured(measured, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 0))
    assert fastest_form(values()) == "fused"


def test_so_does_a_program_that_is_exported(measured, monkeypatch):
    monkeypatch.setattr(torch.compiler, "is_exporting", lambda: True)
    assert fastest_form(values()) == "fused"


def test_so_does_an_installation_without_triton(measured, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert fastest_form(values(tokens=513)) == "fused"


@pytest.mark.slow
def test_a_compiler_takes_the_choice_for_a_constant(measured):
    @torch.compile(backend="eager", fullgraph=True)
    def chosen(x):
        return x + 1 if gpu_forms._measured(x.device, "short") == "stacked" else x - 1

    assert chosen(torch.zeros(2)).tolist() == [1, 1]
