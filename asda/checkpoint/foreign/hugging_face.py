"""EAT models as exported to Hugging Face: an encoder, with a head if it was fine-tuned."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from torch import Tensor

from asda.checkpoint.foreign.fairseq import AUDIOSET_NORMALIZATION, check_positions
from asda.checkpoint.foreign.fairseq_names import translated
from asda.checkpoint.saved_model import (
    Kind,
    SavedModel,
    check_tensors,
    expected_tensors,
    resolved_model,
)
from asda.configuration import to_dict
from asda.features.fbank_config import FbankConfig
from asda.files import InputError
from asda.model.model_config import ModelConfig

HEAD_WIDTH = 64  # channels of an attention head; heads are not in the file
PATCHES = "model.local_encoder.proj.weight"
POSITIONS = "model.fixed_positional_encoder.positions"
PARTS = {
    "cls_token": "extra_tokens",
    "patches.": "local_encoder.",
    "norm.": "pre_norm.",
    "blocks.": "blocks.",
}


def is_export(content: Any) -> bool:
    """Say whether these tensors look like such an export."""
    return (
        isinstance(content, dict)
        and PATCHES in content
        and all(isinstance(value, Tensor) for value in content.values())
    )


def convert(tensors: dict[str, Tensor], path: str) -> SavedModel:
    """Turn the tensors of an export into a model of ours: a classifier, or an encoder alone.

    Raises:
        InputError: if they are not, by name and shape, those of such a model.
    """
    model = _geometry(tensors, path)
    head = tensors.get("model.head.weight")
    kind: Kind = "encoder" if head is None else "classifier"
    classes = 0 if head is None else len(head)
    expected = expected_tensors(kind, model, classes)
    found = {name: tensor for name, tensor in tensors.items() if name != POSITIONS}
    check_tensors({_export_name(name): t for name, t in expected.items()}, found, path)
    if POSITIONS in tensors:
        check_positions(tensors[POSITIONS], model.width, f"{path}: {POSITIONS}")
    return SavedModel(
        kind=kind,
        model=to_dict(model),
        weights={name: found[_export_name(name)] for name in expected},
        normalization=dict(AUDIOSET_NORMALIZATION),
        fbank=to_dict(FbankConfig(resampler="torchaudio")),
        data={"max_frames": 1024, "padding": "fill"},
        labels=[str(index) for index in range(classes)],
        head={} if head is None else {"pooling": "cls"},
        facts={"source": f"{Path(path).name}, a Hugging Face export of EAT", "updates": None},
    )


def _geometry(tensors: dict[str, Tensor], path: str) -> ModelConfig:
    """Return the model that the shapes describe."""
    hidden = tensors.get("model.blocks.0.mlp.fc1.weight")
    if hidden is None or hidden.ndim != 2:
        raise InputError(f"{path}: no matrix model.blocks.0.mlp.fc1.weight; expected an EAT export")
    mlp_width, width = hidden.shape
    blocks = {m[1] for name in tensors if (m := re.match(r"model\.blocks\.(\d+)\.", name))}
    values = {
        "depth": len(blocks),
        "width": width,
        "heads": width // HEAD_WIDTH,
        "mlp_ratio": mlp_width / width,
        "attention": {"kind": "standard"},
    }
    return resolved_model(values, path)


def _export_name(name: str) -> str:
    if name.startswith("encoder."):
        return f"model.{translated(name.removeprefix('encoder.'), PARTS)}"
    return f"model.{name}"  # fc_norm and head
