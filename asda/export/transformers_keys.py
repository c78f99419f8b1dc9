"""Hugging Face transformers' names for the settings of a model of asda."""

from __future__ import annotations

from typing import Any


def transformers_keys(asda: dict[str, Any]) -> dict[str, Any]:
    """Return settings of a model under the names that transformers expects in a configuration.

    Args:
        asda: sections "model" and "data" as in a model.pt of asda
    """
    model = asda["model"]
    return {
        "hidden_size": model["width"],
        "num_hidden_layers": model["depth"],
        "num_attention_heads": model["heads"],
        "patch_size": [model["patch"]["time"], model["patch"]["freq"]],
        "num_mel_bins": model["mel_bins"],
        "max_frames": asda["data"]["max_frames"],
    }
