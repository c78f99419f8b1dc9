"""Triton compiles the kernels for a GPU, where none is at hand: its interpreter accepts more."""

import pytest

pytest.importorskip("triton", reason="triton comes with PyTorch's builds for GPUs")

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from asda.kernels.triton_limits import ONE_TILE
from asda.kernels.triton_one_tile import backward_one_tile, forward_one_tile
from asda.kernels.triton_tiled import forward_tiled
from asda.kernels.triton_tiled_backward import backward_keys, backward_queries
from asda.kernels.triton_tiles import BLOCK, FEW_QUERIES, OF_HEADS, OF_KEYS, OF_QUERIES, Strides

pytestmark = pytest.mark.slow

HOPPER = GPUTarget("cuda", 90, 32)
SHARED_MEMORY = 99 * 2**10  # bytes that a program can have on GPUs since compute capability 8.0
TYPES = {"lam": "*fp32", "lse": "*fp32", "delta_1": "*fp32", "delta_2": "*fp32", "mask": "*i1"}
TYPES |= {"tokens": "i32", "heads": "i32", "factor": "fp32"}


@pytest.mark.parametrize(
    ("kernel", "queries", "keys", "options"),
    [
        (forward_one_tile, BLOCK, ONE_TILE, OF_QUERIES),
        (backward_one_tile, FEW_QUERIES, ONE_TILE, OF_HEADS),
        (forward_tiled, BLOCK, BLOCK, OF_QUERIES),
        (backward_queries, BLOCK, BLOCK, OF_QUERIES),
        (backward_keys, BLOCK, BLOCK, OF_KEYS),
    ],
    ids=["forward_one_tile", "backward_one_tile", "forward_tiled", "queries", "keys"],
)
def test_kernels_compile_for_a_gpu(kernel, queries, keys, options, tmp_path, monkeypatch):
    monkeypatch.setattr(triton.knobs.cache, "dir", str(tmp_path))
    sizes = {"D": 64, "VALUES": 64, "BLOCK_D": 64, "BLOCK_VALUES": 64}
    sizes |= {"QUERIES": queries, "KEYS": keys}
    signature = {name: TYPES.get(name, "*bf16") for name in kernel.arg_names}
    signature |= {"strides": Strides(*["i32"] * 10)} | dict.fromkeys(sizes, "constexpr")
    source = ASTSource(kernel, signature, sizes)
    compiled = triton.compile(source, target=HOPPER, options=options)
    assert compiled.asm["cubin"]
    assert compiled.metadata.shared <= SHARED_MEMORY
    assert "wgmma" in compiled.asm["ptx"]  # products by the matrix units of this GPU
