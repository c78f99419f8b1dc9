"""Compiled blocks: the same losses, gradients and draws, and models without a trace of it."""

import os
import shutil
import subprocess
import sys

import pytest
import torch
from model.networks import tiny
from torch import nn
from torch._dynamo.utils import counters
from training.runs import assert_same_weights, run_finetune, run_pretrain, stopped_before

from asda.files import InputError
from asda.model.block import Block
from asda.model.classifier import Classifier
from asda.training.compiled_blocks import compile_blocks

pytestmark = pytest.mark.slow


@pytest.fixture
def traced(monkeypatch):
    """Compile as far as a graph, which takes seconds; to code in C++ it would take a minute."""

    def compile_to_graph(block, dynamic, options):
        nn.Module.compile(block, backend="aot_eager", dynamic=dynamic)

    monkeypatch.setattr(Block, "compile", compile_to_graph)
    torch._dynamo.reset()
    counters.clear()
    with torch._dynamo.config.patch(recompile_limit=8):
        yield
    torch._dynamo.reset()


def classified(model, lengths):
    """Return the outputs and gradients of clips, some of which are padded, with paths dropped."""
    torch.manual_seed(1)
    model.zero_grad()
    logits = model(torch.randn(len(lengths), 96, 128), torch.tensor(lengths))
    logits.square().sum().backward()
    return logits.detach(), [parameter.grad for parameter in model.parameters()]


def test_outputs_gradients_and_dropped_paths_are_the_same(traced):
    torch.manual_seed(0)
    model = Classifier(tiny(depth=3), 5, "mean", drop_path=0.5).train()
    batches = [[96, 50], [96, 30, 80]]
    expected = [classified(model, lengths) for lengths in batches]
    compile_blocks(model)
    for lengths, (logits, grads) in zip(batches, expected, strict=True):
        found, found_grads = classified(model, lengths)
        torch.testing.assert_close(found, logits)
        torch.testing.assert_close(found_grads, grads)
    assert not counters["graph_break"]
    # The blocks have different rates of dropped paths; another batch size is no other program.
    assert counters["stats"]["unique_graphs"] == 3


@pytest.mark.usefixtures("no_images")
@pytest.mark.parametrize("run", [run_pretrain, run_finetune])
def test_a_run_writes_a_model_like_any_other(traced, data, tmp_path, run):
    plain = run(data, tmp_path / "plain", training__updates=2)
    compiled = run(data, tmp_path / "compiled", training__updates=2, training__compile=True)
    assert counters["stats"]["unique_graphs"] > 0
    assert not counters["graph_break"]
    assert list(compiled["weights"]) == list(plain["weights"])


@pytest.mark.skipif(not shutil.which("g++"), reason="no C++ compiler")
@pytest.mark.usefixtures("no_images")
def test_a_run_in_compiled_code_resumes_bit_for_bit(data, tmp_path):
    """Also where it compiles anew, and other lengths come first."""
    options = {"training__compile": True, "training__updates": 4, "training__evaluate_every": 0}
    whole = run_pretrain(data, tmp_path / "whole", **options)
    with stopped_before(3):
        run_pretrain(data, tmp_path / "resumed", **options)
    torch._dynamo.reset()
    assert_same_weights(whole, run_pretrain(data, tmp_path / "resumed", **options))


def test_a_machine_without_a_compiler_is_told_so(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(InputError, match=r"no-such-compiler.* or choose training\.compile false"):
        compile_blocks(Classifier(tiny(), 5, "cls"))


def test_on_a_cpu_nothing_is_said_of_cuda():
    """PyTorch warns once, when its compiler is loaded, if the machine has nvcc and no GPU."""
    code = """
import logging
from torch import nn
from asda.training.compiled_blocks import compile_blocks
compile_blocks(nn.Linear(1, 1))
logging.getLogger("torch.utils.cpp_extension").warning("something else")
import torch.utils.cpp_extension
"""
    environment = os.environ | {"CUDA_HOME": "/usr/local", "CUDA_VISIBLE_DEVICES": ""}
    words = [sys.executable, "-c", code]
    found = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    assert "something else" in found.stderr
    assert "CUDA" not in found.stderr
