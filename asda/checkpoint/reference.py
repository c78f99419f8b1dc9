"""Checkpoints of the reference implementations of ASDA, EAT and SSLAM (algorithm.md 16)."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor

from asda.checkpoint.unpickle import Inert
from asda.checkpoint.weights import SavedModel
from asda.config import build, to_dict
from asda.files import InputError
from asda.model.config import ModelConfig
from asda.model.patches import sincos_positions

AUDIO = "modality_encoders.IMAGE."  # the name is data2vec's; it means audio here
POSITIONS = f"{AUDIO}fixed_positional_encoder.positions"
# (the reference's name, ours); the encoder's blocks are named alike.
ENCODER_NAMES = [
    (rf"{re.escape(AUDIO)}extra_tokens", "cls_token"),
    (rf"{re.escape(AUDIO)}local_encoder\.", "patches."),
    (rf"{re.escape(AUDIO)}context_encoder\.norm\.", "norm."),
    (r"blocks\.", "blocks."),
]
DECODER_NAMES = [
    (rf"{re.escape(AUDIO)}decoder\.blocks\.(\d+)\.0\.", r"decoder.convs.\1."),
    (rf"{re.escape(AUDIO)}decoder\.proj\.", "decoder.proj."),
]
AUDIOSET_NORMALIZATION = {"mean": -4.268, "std": 4.569}  # algorithm.md 2.4


def is_reference(content: Any) -> bool:
    """Say whether what a torch file holds looks like a checkpoint of the reference."""
    model = content.get("model") if isinstance(content, dict) else None
    return isinstance(model, dict) and any(AUDIO in str(name) for name in model)


def convert(content: Any, path: str) -> SavedModel:
    """Turn the content of a pretraining or fine-tuned checkpoint of the reference into ours.

    Tensors keep their type (float16 after fp16 training). Positions are computed, not kept.

    Raises:
        InputError: if it is no such checkpoint, or its parts do not fit together.
    """
    if not is_reference(content):
        found = sorted(map(str, content))[:5] if isinstance(content, dict) else type(content)
        raise InputError(
            f"{path}: not a checkpoint of ASDA, EAT or SSLAM: expected 'cfg' and 'model' with"
            f" {AUDIO}... tensors, found {found}"
        )
    if not isinstance(content.get("cfg"), dict):
        raise InputError(f"{path}: its 'cfg' is missing or not a plain dict; the geometry is there")
    weights = {str(name): value for name, value in content["model"].items()}
    if "head.weight" in weights:
        return _classifier(content, weights, path)
    return _pretrained(content, weights, path)


def _pretrained(content: dict, weights: dict[str, Any], path: str) -> SavedModel:
    cfg = content["cfg"]
    teacher = weights.pop("_ema", None)
    if not isinstance(teacher, dict):
        raise InputError(f"{path}: no '_ema' tensors: the teacher of a pretraining file is missing")
    student = _rename(weights, ENCODER_NAMES + DECODER_NAMES, path)
    model = _geometry(cfg, student, weights, path)
    renamed = {
        name if name.startswith("decoder.") else f"student.{name}": tensor
        for name, tensor in student.items()
    }
    encoder = _rename(teacher, ENCODER_NAMES, path)
    renamed |= {f"teacher.{name}": tensor for name, tensor in encoder.items()}
    return _saved("pretrained", model, renamed, cfg, content)


def _classifier(content: dict, weights: dict[str, Any], path: str) -> SavedModel:
    cfg = content["cfg"]
    args = _section(cfg, "model", path)
    head = {n: weights.pop(n) for n in list(weights) if n.startswith(("fc_norm.", "head."))}
    weights = {name.removeprefix("model."): value for name, value in weights.items()}
    encoder = _rename(weights, ENCODER_NAMES, path)
    pretrained = args.get("pretrained_model_args")
    if not isinstance(pretrained, dict):
        raise InputError(f"{path}: no cfg.model.pretrained_model_args: the geometry is there")
    model = _geometry(pretrained, encoder, weights, path)
    renamed = {f"encoder.{name}": tensor for name, tensor in encoder.items()}
    renamed |= head
    saved = _saved("classifier", model, renamed, cfg, content)
    modes = {"CLS_TOKEN": "cls", "MEAN_POOLING": "mean"}
    mode = str(args.get("prediction_mode", "CLS_TOKEN")).split(".")[-1]
    if mode not in modes:
        raise InputError(f"{path}: prediction_mode {mode} is not supported: {', '.join(modes)}")
    saved.head = {"pooling": modes[mode]}
    saved.labels = _labels(content, len(renamed["head.bias"]))
    return saved


def _labels(content: dict, classes: int) -> list[str]:
    """Return class names in order: those of the task state, else their numbers."""
    state = content.get("task_state")
    named = state.get("labels") if isinstance(state, dict) else None
    if isinstance(named, dict) and len(named) == classes:
        return sorted(named, key=lambda label: int(named[label]))
    return [str(index) for index in range(classes)]


def _rename(weights: dict[str, Any], names: list[tuple[str, str]], path: str) -> dict[str, Tensor]:
    renamed = {}
    for name, tensor in weights.items():
        if name == POSITIONS:
            continue  # computed, and checked in _geometry
        if not isinstance(tensor, Tensor):
            raise InputError(f"{path}: {name} is {type(tensor).__name__}, not a tensor")
        for pattern, own in names:
            own_name, found = re.subn(rf"^{pattern}", own, name)
            if found:
                renamed[own_name] = tensor
                break
        else:
            raise InputError(f"{path}: unexpected tensor {name} {tuple(tensor.shape)}")
    return renamed


def _section(cfg: dict, name: str, path: str) -> dict:
    section = cfg.get(name)
    if not isinstance(section, dict):
        kind = type(section).__name__ if not isinstance(section, Inert) else "a foreign object"
        raise InputError(f"{path}: cfg.{name} is {kind}, not a plain dict")
    return section


def _geometry(
    cfg: dict, weights: dict[str, Tensor], original: dict[str, Any], path: str
) -> ModelConfig:
    """Return the model configuration that the tensors and the cfg of a pretraining run describe."""
    args = _section(cfg, "model", path)
    image = _section(args.get("modalities", {}), "image", path)
    for name in ("patches.proj.weight", "blocks.0.mlp.fc1.weight"):
        if name not in weights:
            raise InputError(f"{path}: the encoder's {name} is missing")
    if args.get("layer_norm_first"):
        raise InputError(f"{path}: layer_norm_first models are not supported")
    width, _, patch_time, patch_freq = weights["patches.proj.weight"].shape
    blocks = {int(m[1]) for name in weights if (m := re.match(r"blocks\.(\d+)\.", name))}
    decoder = image["decoder"]
    model = build(
        ModelConfig,
        {
            "depth": len(blocks),
            "width": width,
            "heads": args["num_heads"],
            "mlp_ratio": weights["blocks.0.mlp.fc1.weight"].shape[0] / width,
            "patch": {"time": patch_time, "freq": patch_freq},
            "attention": {
                "kind": "standard" if "blocks.0.attn.qkv.weight" in weights else "differential"
            },
            "mask": {
                "ratio": image["mask_prob"],
                "adjust": image["mask_prob_adjust"],
                "block_time": image["mask_length"],
                "block_freq": image["mask_length"],
            },
            "clones": args["clone_batch"],
            "decoder": {
                "layers": decoder["decoder_layers"],
                "width": decoder["decoder_dim"],
                "kernel": decoder["decoder_kernel"],
                "groups": decoder["decoder_groups"],
                "mask_noise": image["mask_noise_std"],
            },
            "target_layers": args["average_top_k_layers"],
            "cls_weight": args["cls_loss"],
            "cls_reduction": "sum",
        },
        path,
    ).resolved()
    _check_positions(original, width, path)
    return model


def _check_positions(weights: dict[str, Any], width: int, path: str) -> None:
    """Refuse a file whose positions differ from those that are computed here."""
    table = weights.get(POSITIONS)
    if table is None:
        return
    rows = table[0].float()
    own = torch.from_numpy(sincos_positions(len(rows) // 8, 8, width))
    if rows.shape != own.shape or (rows - own).abs().max() > 1e-3:  # float16 keeps 3 digits
        raise InputError(f"{path}: {POSITIONS} are not the fixed positions of ASDA and EAT")


def _saved(
    kind: str, model: ModelConfig, weights: dict[str, Tensor], cfg: dict, content: dict
) -> SavedModel:
    from asda.features.config import FbankConfig

    task = cfg.get("task") if isinstance(cfg.get("task"), dict) else {}
    history = content.get("optimizer_history") or [{}]
    updates = history[-1].get("num_updates") if isinstance(history[-1], dict) else None
    return SavedModel(
        kind=kind,
        model=to_dict(model),
        weights=weights,
        normalization=AUDIOSET_NORMALIZATION
        | {
            own: float(task[name])
            for own, name in (("mean", "norm_mean"), ("std", "norm_std"))
            if task.get(name) is not None
        },
        fbank=to_dict(FbankConfig()),
        data={"max_frames": int(task.get("target_length", 1024)), "padding": "fill"},
        facts={"source": "reference", "updates": updates},
    )
