"""The `cfg` of a reference checkpoint, checked against the tensors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from asda.checkpoint.foreign.fairseq_names import AUDIO
from asda.checkpoint.foreign.unpickle import Inert
from asda.checkpoint.saved_model import resolved_model
from asda.files import InputError
from asda.model.model_config import ResolvedModel


class Cfg:
    """A part of the nested dict; its error messages name file and key."""

    def __init__(self, values: Any, name: str, path: str):
        if not isinstance(values, dict):
            kind = "a foreign object" if isinstance(values, Inert) else type(values).__name__
            raise InputError(f"{path}: {name} is {kind}, expected a plain dict with the geometry")
        self.values, self.name, self.path = values, name, path

    def part(self, key: str) -> Cfg:
        return Cfg(self.values.get(key), f"{self.name}.{key}", self.path)

    def number(self, key: str, default: float | None = None) -> float:
        value = self.values.get(key)
        value = default if value is None else value
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise InputError(f"{self.path}: {self.name}.{key} is {value!r}, expected a number")
        return value

    def must_be(self, key: str, in_tensors: float | None) -> None:
        """Refuse a number that differs from `in_tensors`, unless that is None (unknown)."""
        if in_tensors is not None and self.number(key) != in_tensors:
            raise InputError(
                f"{self.path}: {self.name}.{key} is {self.number(key):g}, but the tensors say"
                f" {in_tensors:g}"
            )


def geometry(cfg: Cfg, tensors: Mapping[str, Tensor], encoder: str) -> ResolvedModel:
    """Return the model configuration that the cfg of a pretraining run describes.

    Args:
        cfg: the cfg of the pretraining run
        tensors: the tensors of a checkpoint by the reference's names; they must agree with the cfg
        encoder: prefix of the encoder's tensor names
    """
    args = cfg.part("model")
    image = args.part("modalities").part("image")
    parts = image.part("decoder")
    if args.values.get("layer_norm_first"):
        raise InputError(f"{cfg.path}: {args.name}.layer_norm_first is true: asda has no such form")
    standard = any(".attn.qkv." in name for name in tensors)
    width = _size(tensors, f"{encoder}{AUDIO}local_encoder.proj.weight", 0)
    mlp_ratio = _ratio(_size(tensors, f"{encoder}blocks.0.mlp.fc1.weight", 0), width)
    if standard:  # ASDA's cfg says 4, but its MLP has ratio 3.5 (docs/algorithm.md#block)
        args.must_be("mlp_ratio", mlp_ratio)
    args.must_be("embed_dim", width)
    args.must_be("depth", _count(tensors, rf"{re.escape(encoder)}blocks\.(\d+)\."))
    _check_decoder(parts, tensors, width)
    values = {
        "depth": args.number("depth"),
        "width": args.number("embed_dim"),
        "heads": args.number("num_heads"),
        "mlp_ratio": mlp_ratio or 3.5,
        "attention": {"kind": "standard" if standard else "differential"},
        "mask": {
            "ratio": image.number("mask_prob"),
            "adjust": image.number("mask_prob_adjust"),
            "block_time": image.number("mask_length"),
            "block_freq": image.number("mask_length"),
        },
        "num_masks": args.number("clone_batch"),
        "decoder": {
            "layers": parts.number("decoder_layers"),
            "width": parts.number("decoder_dim"),
            "kernel": parts.number("decoder_kernel"),
            "groups": parts.number("decoder_groups"),
            "mask_noise": image.number("mask_noise_std"),
        },
        "target_layers": args.number("average_top_k_layers"),
        "target_output": "block" if args.values.get("end_of_block_targets") else "mlp",
        "target_norm": "patch" if args.values.get("layer_norm_target_layer") else "clip",
        "cls_weight": args.number("cls_loss"),
        "cls_reduction": "sum",
    }
    return resolved_model(values, cfg.path)


def _check_decoder(cfg: Cfg, tensors: Mapping[str, Tensor], width: int | None) -> None:
    first = f"{AUDIO}decoder.blocks.0.0.weight"
    cfg.must_be("decoder_layers", _count(tensors, rf"{re.escape(AUDIO)}decoder\.blocks\.(\d+)"))
    cfg.must_be("decoder_dim", _size(tensors, first, 0))
    cfg.must_be("decoder_kernel", _size(tensors, first, 2))
    cfg.must_be("decoder_groups", _ratio(width, _size(tensors, first, 1)))


def _size(tensors: Mapping[str, Tensor], name: str, axis: int) -> int | None:
    shape = getattr(tensors.get(name), "shape", ())
    return shape[axis] if axis < len(shape) else None


def _ratio(value: int | None, by: int | None) -> float | None:
    return value / by if value and by else None


def _count(tensors: Mapping[str, Tensor], pattern: str) -> int | None:
    """Return how many different numbers the pattern finds in the names, None for none."""
    return len({found[1] for name in tensors if (found := re.match(pattern, name))}) or None
