"""A summary of a model file in words and numbers."""

from __future__ import annotations

from typing import Any

from asda.checkpoint.foreign.fairseq_names import POSITION_ROWS
from asda.checkpoint.saved_model import SavedModel
from asda.features.clip_range import ClipRange
from asda.features.fbank_config import FbankConfig
from asda.features.normalization import normalization_of
from asda.model.model_config import ModelConfig, ResolvedModel, patch_grid

SHOWN_LABELS = 8
OTHER_ATTENTION = {
    "standard": "EAT (standard attention)",
    "gated": "standard attention with a gate on its output, as in BAT",
    "diff_v2": "differential attention of DIFF V2, lambda of each token and head",
}


def describe(saved: SavedModel) -> dict[str, Any]:
    """Return the lines of a summary, title to value."""
    model = saved.config
    lines = {
        "kind": saved.kind,
        "architecture": architecture(model),
        "depth x width x heads": f"{model.depth} x {model.width} x {model.heads}",
        "MLP ratio": model.mlp_ratio,
        "patch": f"{model.patch.time} frames x {model.patch.freq} of {model.mel_bins} mel bins",
    }
    lines |= {f"parameters, {part}": f"{count:,}" for part, count in parameters(saved).items()}
    if saved.kind == "pretrained":
        lines |= {"decoder": decoder(model), "targets": targets(model)}
    table = POSITION_ROWS * patch_grid(model, 1)[1] * model.width
    lines["positions"] = f"computed; a table of {table:,} fixed values in files of the reference"
    lines["normalisation"] = normalisation(saved)
    lines["features"] = features(saved.fbank)
    if saved.head:
        shown = ", ".join(saved.labels[:SHOWN_LABELS])
        if len(saved.labels) > SHOWN_LABELS:
            shown += ", ... (all, in the order of the outputs: asda.load(FILE).labels)"
        settings = {"head": saved.head["name"], **saved.head}
        del settings["name"]
        lines |= settings | {"output": saved.output, "labels": f"{len(saved.labels)}: {shown}"}
    lines |= {key: value for key, value in saved.facts.items() if value not in (None, {})}
    corpora = saved.facts.get("corpora")
    return lines | ({"corpora": corpora_in_words(corpora)} if corpora else {})


def corpora_in_words(corpora: dict[str, dict[str, Any]]) -> str:
    """Return the corpora that a model was pretrained on, with what it records of each."""
    return "; ".join(
        f"{name} {corpus['share']:.3g} of the batches, {corpus['clips']} clips"
        + (f", mean {corpus['mean']:.4f}, std {corpus['std']:.4f}" if "mean" in corpus else "")
        for name, corpus in corpora.items()
    )


def normalisation(saved: SavedModel) -> str:
    """Return how features are normalised, in words."""
    if isinstance(norm := normalization_of(saved.normalization), ClipRange):
        return f"each clip from 0 to 1, of its loudest {norm.range_db:g} dB"
    return f"(x - mean) / (2 std), mean {norm.mean:.4f}, std {norm.std:.4f}"


def features(fbank: dict[str, Any]) -> str:
    """Return the settings of the filterbank in words."""
    if not fbank:
        return "not recorded"
    config = FbankConfig(**fbank)
    mean = "mean of the clip removed" if config.remove_mean else "mean of the clip kept"
    edges = "" if config.snip_edges else ", frames beyond both ends (snip_edges false)"
    return (
        f"{config.sample_rate} Hz, {config.num_mel_bins} mel bins from {config.low_freq:g} to"
        f" {config.upper_freq:g} Hz, {config.window} windows of {config.frame_length_ms:g} ms every"
        f" {config.frame_shift_ms:g} ms{edges}, preemphasis {config.preemphasis:g}, {mean},"
        f" resampled by {config.resampler}"
    )


def architecture(model: ModelConfig) -> str:
    """Return the name of the architecture and its kind of attention."""
    attention = model.attention
    if attention.kind in OTHER_ATTENTION:
        return OTHER_ATTENTION[attention.kind]
    value = "depth-dependent" if attention.lambda_init is None else attention.lambda_init
    if attention.learn_lambda:
        return f"differential attention, lambda learned (initially {value})"
    return f"ASDA (differential attention, lambda {value})"


def decoder(model: ResolvedModel) -> str:
    """Return the decoder of a pretraining in words."""
    own = model.decoder
    if own.kind == "vit":
        return f"ViT, {own.layers} blocks x {own.width} x {own.heads}"
    return (
        f"{own.layers} convolutions x {own.width}, kernel {own.kernel}, groups {own.groups}, mask"
        f" noise {own.mask_noise:g}"
    )


def targets(model: ResolvedModel) -> str:
    """Return what a pretraining predicts, in words."""
    what = "whole blocks" if model.target_output == "block" else "MLP outputs"
    norm = model.target_norm
    return f"{what} of the top {model.target_layers} of {model.depth} blocks, normalised by {norm}"


def parameters(saved: SavedModel) -> dict[str, int]:
    """Return the number of values of each part, and of all parts except the EMA teacher."""
    parts = {"student": "encoder"} | {part: part for part in ("encoder", "decoder", "teacher")}
    counts = dict.fromkeys(("encoder", "decoder", "teacher", "head"), 0)
    for name, tensor in saved.weights.items():
        counts[parts.get(name.split(".")[0], "head")] += tensor.numel()
    counts["trained"] = sum(counts.values()) - counts["teacher"]
    return {part: count for part, count in counts.items() if count}
