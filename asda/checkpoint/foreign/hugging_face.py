"""Read EAT models exported to Hugging Face: an encoder, with a head if it was fine-tuned."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from torch import Tensor

from asda.checkpoint.foreign.fairseq import AUDIOSET_NORMALIZATION, check_positions
from asda.checkpoint.foreign.fairseq_names import translated
from asda.checkpoint.saved_model import NO_HEAD, SavedModel, check_tensors, resolved_model
from asda.configuration import to_dict
from asda.features.fbank_config import FbankConfig
from asda.files import InputError
from asda.model.classifier import Classifier
from asda.model.model_config import ResolvedModel

HEAD_WIDTH = 64  # channels of an attention head; the file does not give the number of heads
PATCHES = "model.local_encoder.proj.weight"
POSITIONS = "model.fixed_positional_encoder.positions"
PARTS = {
    "cls_token": "extra_tokens",
    "patches.": "local_encoder.",
    "norm.": "pre_norm.",
    "blocks.": "blocks.",
}


def is_export(content: Any) -> bool:
    """Say whether the content of a file looks like such an export."""
    return (
        isinstance(content, dict)
        and PATCHES in content
        and all(isinstance(value, Tensor) for value in content.values())
    )


def convert(tensors: dict[str, Tensor], path: str) -> SavedModel:
    """Convert the tensors of an export to a classifier, or to an encoder alone.

    An export has no configuration. The fine-tuned models that are published in this form were
    trained on AudioSet with binary cross entropy, so the output of a head is taken as sigmoid.

    Raises:
        InputError: if the tensors are not, by name and shape, those of such a model.
    """
    head = tensors.get("model.head.weight")
    classes = 0 if head is None else len(head)
    saved = SavedModel(
        kind="encoder" if head is None else "finetuned",
        model=to_dict(_geometry(tensors, path)),
        weights={},
        normalization=dict(AUDIOSET_NORMALIZATION),
        fbank=to_dict(FbankConfig(resampler="torchaudio")),
        data={"max_frames": 1024, "padding": "fill"},
        output=NO_HEAD if head is None else "sigmoid",
        labels=[str(index) for index in range(classes)],
        head={} if head is None else {"name": Classifier.name, "pooling": "cls"},
        facts={"source": f"{Path(path).name}, a Hugging Face export of EAT", "updates": None},
        path=path,
    )
    expected = saved.expected_tensors()
    found = {name: tensor for name, tensor in tensors.items() if name != POSITIONS}
    check_tensors({_export_name(name): t for name, t in expected.items()}, found, path)
    if POSITIONS in tensors:
        check_positions(tensors[POSITIONS], saved.config.width, f"{path}: {POSITIONS}")
    saved.weights = {name: found[_export_name(name)] for name in expected}
    return saved


def _geometry(tensors: dict[str, Tensor], path: str) -> ResolvedModel:
    """Return the model configuration that the shapes imply."""
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
