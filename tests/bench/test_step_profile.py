"""Kinds of kernels, and the time in which none runs."""

import importlib

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def step_profile(repository):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(repository / "tools/bench")
        yield importlib.import_module("step_profile")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("nvjet_hsh_256x128_64x4_2x1_v_bz_coopA_TNT", "matrix products"),
        ("void cutlass::Kernel2<cutlass_80_tensorop_bf16_s16816gemm_bf16>", "matrix products"),
        ("void pytorch_flash::flash_bwd_dq_dk_dv_loop_seqk_parallel_kernel<...>", "attention"),
        ("fmha_cutlassF_bf16_aligned_64x64_rf_sm80(...)", "attention"),
        ("void at::native::(anonymous namespace)::multi_tensor_apply_kernel<...lerp...>",
         "optimizer, EMA, clipping"),
        ("void at::native::vectorized_elementwise_kernel<4, at::native::GeluCUDAKernel>",
         "elementwise"),
        ("void at::native::(anonymous namespace)::vectorized_layer_norm_kernel<...>", "norms"),
        ("Memcpy HtoD (Pinned -> Device)", "copies"),
        ("sm90_xmma_wgrad_implicit_gemm_indexed_bf16bf16_bf16f32", "convolutions"),
    ],
)  # fmt: skip
def test_kinds_of_kernels(step_profile, name, kind):
    assert step_profile.kind_of(name) == kind


def test_kernels_that_overlap_are_busy_once(step_profile):
    span = step_profile.Span
    spans = [span("c", 20.0, 21.0), span("a", 0.0, 10.0), span("b", 5.0, 12.0), span("d", 6.0, 7.0)]
    assert step_profile.busy(spans) == 13.0
