"""Cards by the names that PyTorch gives them."""

import importlib

import pytest


@pytest.mark.parametrize(
    ("card", "peak"),
    [
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA H200 NVL", 835e12),
        ("NVIDIA A100-SXM4-80GB", 312e12),
        ("NVIDIA L40S", 362e12),
        ("NVIDIA GeForce RTX 3090", 71e12),
        ("NVIDIA A1000", None),
    ],
)
def test_the_peak_of_a_card(repository, monkeypatch, card, peak):
    monkeypatch.syspath_prepend(repository / "tools/bench")
    assert importlib.import_module("gpu_peaks").peak(card) == peak
