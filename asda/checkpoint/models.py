"""Model files of every known kind: those of asda, of the reference, and EAT's exports."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from torch import nn

from asda.checkpoint import hugging_face, reference
from asda.checkpoint.safetensors import read_safetensors
from asda.checkpoint.unpickle import load_foreign
from asda.checkpoint.weights import (
    FORMAT,
    SavedModel,
    check_tensors,
    encoder_weights,
    expected_tensors,
    load_weights,
)
from asda.config import build, to_dict
from asda.features.config import FbankConfig
from asda.files import InputError
from asda.model.classifier import Classifier
from asda.model.encoder import Encoder


def read_model(path: str | Path) -> SavedModel:
    """Read a model.pt of asda, a checkpoint of ASDA, EAT or SSLAM, or an export of EAT.

    Nothing in it is executed, and it is read whole or not at all.

    Raises:
        InputError: saying what the file is, if it is damaged, unsafe or another kind of file.
    """
    where = str(path)
    content = read_safetensors(path) if where.endswith(".safetensors") else load_foreign(path)
    if reference.is_reference(content):
        return reference.convert(content, where)
    if hugging_face.is_export(content):
        return hugging_face.convert(content, where)
    if isinstance(content, dict) and content.get("format") == FORMAT:
        return _own(content, where)
    raise InputError(
        f"{path}: holds {_summary(content)}; expected a model.pt of asda, a checkpoint of ASDA,"
        " EAT or SSLAM ('cfg' and 'model'), or a Hugging Face export of EAT"
    )


def load_model(
    path: str | Path, encoder: Literal["student", "teacher"] = "student"
) -> Encoder | Classifier:
    """Return the network of a model file; see `asda.load_model`."""
    saved = read_model(path)
    config = saved.model_config(str(path))
    weights = encoder_weights(saved, encoder, path)
    network: nn.Module = Encoder(config)
    if saved.kind == "classifier":
        network = Classifier(config, len(saved.labels), **saved.head)
        weights = saved.weights
    load_weights(network, weights, path)
    return network.eval()


def _own(content: dict[str, Any], path: str) -> SavedModel:
    missing = [key for key in SavedModel.__dataclass_fields__ if key not in content]
    if missing:
        raise InputError(f"{path}: a model.pt without {', '.join(missing)}; expected a whole one")
    saved = SavedModel(**{key: content[key] for key in SavedModel.__dataclass_fields__})
    model = saved.model_config(path)
    expected = expected_tensors(saved.kind, model, len(saved.labels), saved.head)
    check_tensors(expected, saved.weights, path)
    if saved.fbank:  # settings that were added since have the value they had then, their default
        saved.fbank = to_dict(build(FbankConfig, saved.fbank, path))
    return saved


def _summary(content: Any) -> str:
    if not isinstance(content, dict):
        return f"a {type(content).__name__}"
    names = ", ".join(str(key)[:40] for key in list(content)[:4])
    return f"{len(content)} entries ({names}{', ...' if len(content) > 4 else ''})"
