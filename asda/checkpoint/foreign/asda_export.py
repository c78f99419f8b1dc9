"""Read models that asda exported to Hugging Face: tensors, and the settings in config.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from asda.checkpoint.foreign.safetensors import read_safetensors
from asda.checkpoint.saved_model import FORMAT, NO_HEAD
from asda.files import InputError, read_json
from asda.model.classifier import Classifier

MODEL_TYPE = "asda"
CONFIG, TENSORS = "config.json", "model.safetensors"
SECTIONS = ("model", "fbank", "normalization", "data", "facts")  # as in a model.pt
# What transformers calls the meaning of a classifier's output.
PROBLEM_TYPES = {"softmax": "single_label_classification", "sigmoid": "multi_label_classification"}


def is_export(path: str | Path) -> bool:
    """Say whether a safetensors file lies in the folder of such an export."""
    config = Path(path).parent / CONFIG
    return config.is_file() and _read_config(config).get("model_type") == MODEL_TYPE


def read(path: str | Path) -> dict[str, Any]:
    """Return the content of the model.pt that has the same weights and settings.

    Transformers may have added a head to an encoder that asda exported: labels and output are
    those that its configuration gives.

    Args:
        path: the model.safetensors of an export

    Raises:
        InputError: naming the file that is damaged or missing.
        LookupError, TypeError, AttributeError: if settings are missing or of another kind.
    """
    config = _read_config(Path(path).parent / CONFIG)
    tensors = read_safetensors(path)
    sections = config["asda"]
    content = {name: sections[name] for name in SECTIONS}
    content |= {"format": FORMAT, "asda": sections.get("version"), "weights": tensors}
    return content | (_head(config, tensors) if "head.weight" in tensors else _no_head())


def _no_head() -> dict[str, Any]:
    return {"kind": "encoder", "output": NO_HEAD, "labels": [], "head": {}}


def _head(config: dict[str, Any], tensors: dict[str, Tensor]) -> dict[str, Any]:
    names = {int(index): str(label) for index, label in config.get("id2label", {}).items()}
    classes = range(len(tensors["head.weight"]))
    problem = config.get("problem_type")
    outputs = {kind: output for output, kind in PROBLEM_TYPES.items()}
    return {
        "kind": "finetuned",
        "output": outputs.get(problem, "softmax") if isinstance(problem, str) else "softmax",
        "labels": [names.get(index, f"LABEL_{index}") for index in classes],
        "head": config["asda"]["head"] or {"name": Classifier.name, "pooling": "mean"},
    }


def _read_config(path: Path) -> dict[str, Any]:
    config = read_json(path)
    if not isinstance(config, dict):
        raise InputError(f"{path}: expected the configuration of a model, an object in JSON")
    return config
