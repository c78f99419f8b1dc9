"""Differential attention in Triton: its values and gradients are those of the textbook form."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from kernels.attention_cases import CASES, compiled_difference, differences

TOLERANCE = {"float32": 1e-5, "bf16": 1e-2, "fp16": 2e-3}
TYPES = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
needs_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="triton comes with PyTorch's builds for GPUs"
)

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")


@pytest.fixture(scope="module")
def interpreted(repository):
    """What attention_cases.py finds in Triton's interpreter."""
    paths = os.pathsep.join([str(repository), str(repository / "tests")])
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("attention_cases.py")],
        env=os.environ | {"TRITON_INTERPRET": "1", "PYTHONPATH": paths},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
@needs_triton
@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_in_the_interpreter(interpreted, name):
    found = interpreted["cases"][name]
    assert "float32" in found
    for dtype, differing in found.items():
        assert max(differing.values()) < TOLERANCE[dtype], (dtype, differing)


@pytest.mark.slow
@needs_triton
def test_it_is_an_operator_that_pytorch_can_fake_differentiate_and_compile(interpreted):
    assert set(map(tuple, interpreted["operator"].values())) == {("SUCCESS",)}
    assert interpreted["compiled"] < 1e-6


@needs_triton
@needs_gpu
@pytest.mark.gpu
@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        *((name, "bf16") for name in CASES),
        ("padded student", "fp16"),
        ("one token more", "fp16"),
        ("17 tokens of narrow heads", "float32"),  # wide heads take Triton long to compile
        ("masked blocks", "float32"),
    ],
)
def test_values_and_gradients_on_a_gpu(name, dtype):
    found = differences(CASES[name], "cuda", TYPES[dtype])
    assert max(found.values()) < TOLERANCE[dtype], found


@needs_triton
@needs_gpu
@pytest.mark.gpu
def test_compiled_attention_on_a_gpu_is_the_same():
    assert compiled_difference("cuda", "inductor") < 1e-5
