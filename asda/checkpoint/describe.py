"""A model file in words and numbers."""

from __future__ import annotations

from typing import Any

from asda.checkpoint.foreign.fairseq_names import POSITION_ROWS
from asda.checkpoint.saved_model import SavedModel
from asda.model.model_config import ModelConfig, patch_grid


def describe(saved: SavedModel, path: str) -> dict[str, Any]:
    """Return what a person wants to know of a model, title to value."""
    model = saved.model_config(path)
    lines = {
        "kind": saved.kind,
        "form": form(model),
        "depth x width x heads": f"{model.depth} x {model.width} x {model.heads}",
        "MLP ratio": model.mlp_ratio,
        "patch": f"{model.patch.time} frames x {model.patch.freq} of {model.mel_bins} mel bins",
    }
    lines |= {f"parameters, {part}": f"{count:,}" for part, count in parameters(saved).items()}
    table = POSITION_ROWS * patch_grid(model, 1)[1] * model.width
    lines["positions"] = f"computed; {table:,} fixed values in the reference's files"
    lines["normalisation"] = "(x - mean) / (2 std), mean {mean:.4f}, std {std:.4f}".format(
        **saved.normalization
    )
    if saved.labels:
        shown = ", ".join(saved.labels[:8]) + (", ..." if len(saved.labels) > 8 else "")
        lines |= {"classes": f"{len(saved.labels)}: {shown}", **saved.head}
    return lines | {key: value for key, value in saved.facts.items() if value not in (None, {})}


def form(model: ModelConfig) -> str:
    """Return the kind of attention in a few words."""
    attention = model.attention
    if attention.kind == "standard":
        return "EAT (standard attention)"
    start = "scheduled by block" if attention.lambda_init is None else attention.lambda_init
    if attention.learn_lambda:
        return f"differential attention, lambda learned from {start}"
    return f"ASDA (differential attention, lambda {start})"


def parameters(saved: SavedModel) -> dict[str, int]:
    """Return the number of values of each part, and of all that are trained (not averaged)."""
    parts = {
        "encoder": ("student.", "encoder."),
        "decoder": ("decoder.",),
        "teacher": ("teacher.",),
        "head": ("fc_norm.", "head."),
    }
    counts = {
        part: sum(t.numel() for name, t in saved.weights.items() if name.startswith(prefixes))
        for part, prefixes in parts.items()
    }
    counts["trained"] = sum(counts.values()) - counts["teacher"]
    return {part: count for part, count in counts.items() if count}
