"""Checkpoints of the reference implementations of ASDA, EAT and SSLAM (algorithm.md 16)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from asda.checkpoint.foreign.fairseq_cfg import Cfg, geometry
from asda.checkpoint.foreign.fairseq_names import AUDIO, POSITIONS, reference_name
from asda.checkpoint.saved_model import Kind, SavedModel, check_tensors, expected_tensors
from asda.configuration import to_dict
from asda.features.fbank_config import FbankConfig
from asda.files import InputError
from asda.model.model_config import ModelConfig
from asda.model.patches import sincos_positions

AUDIOSET_NORMALIZATION = {"mean": -4.268, "std": 4.569}  # algorithm.md 2.4
POOLINGS = {"CLS_TOKEN": "cls", "MEAN_POOLING": "mean"}


def is_reference(content: Any) -> bool:
    """Say whether what a torch file holds looks like a checkpoint of the reference."""
    model = content.get("model") if isinstance(content, dict) else None
    return isinstance(model, dict) and any(AUDIO in str(name) for name in model)


def convert(content: dict[str, Any], path: str) -> SavedModel:
    """Turn the content of a pretraining or fine-tuned checkpoint of the reference into ours.

    Tensors keep their type (float16 after fp16 training). Positions are computed, not kept.

    Raises:
        InputError: if its tensors are not those of such a model, or contradict its cfg.
    """
    cfg = Cfg(content.get("cfg"), "cfg", path)
    tensors = {str(name): value for name, value in content["model"].items()}
    if any(name.startswith("model.") for name in tensors):
        return _classifier(content, cfg, tensors, path)
    teacher = tensors.pop("_ema", None)
    if not isinstance(teacher, dict):
        raise InputError(f"{path}: model._ema is missing: the teacher of a pretraining checkpoint")
    tensors |= {f"_ema.{name}": value for name, value in teacher.items()}
    model = geometry(cfg, tensors, "")
    weights = own_tensors("pretrained", model, tensors, path)
    return _saved("pretrained", model, weights, content, path)


def _classifier(
    content: dict[str, Any], cfg: Cfg, tensors: dict[str, Tensor], path: str
) -> SavedModel:
    args = cfg.part("model")
    model = geometry(args.part("pretrained_model_args"), tensors, "model.")
    classes = len(tensors["head.weight"]) if "head.weight" in tensors else None
    args.must_be("num_classes", classes)
    classes = int(args.number("num_classes"))
    weights = own_tensors("classifier", model, tensors, path, classes)
    saved = _saved("classifier", model, weights, content, path)
    mode = str(args.values.get("prediction_mode", "CLS_TOKEN")).split(".")[-1]
    if mode not in POOLINGS:
        raise InputError(f"{path}: prediction_mode {mode}, expected {' or '.join(POOLINGS)}")
    saved.head = {"pooling": POOLINGS[mode]}
    saved.labels = _labels(content, classes, path)
    return saved


def own_tensors(
    kind: Kind, model: ModelConfig, tensors: dict[str, Any], path: str, classes: int = 0
) -> dict[str, Tensor]:
    """Return all tensors of a model by our names, none missing and none left over."""
    expected = expected_tensors(kind, model, classes)
    tables = {name for name in tensors if name.endswith(POSITIONS)}
    check_tensors(
        {reference_name(name): tensor for name, tensor in expected.items()},
        {name: tensor for name, tensor in tensors.items() if name not in tables},
        path,
    )
    for name in tables:
        check_positions(tensors[name], model.width, f"{path}: {name}")
    return {name: tensors[reference_name(name)] for name in expected}


def check_positions(table: Any, width: int, what: str) -> None:
    """Refuse positions (1, any rows, width) that differ from those that are computed here."""
    rows = table[0].float() if isinstance(table, Tensor) and table.ndim == 3 else torch.zeros(0)
    own = sincos_positions(max(1, len(rows) // 8), 8, width)
    if rows.shape != own.shape or (rows - own).abs().max() > 1e-3:  # float16 keeps 3 digits
        raise InputError(f"{what}: not the fixed sine and cosine positions of ASDA and EAT")


def _labels(content: dict[str, Any], classes: int, path: str) -> list[str]:
    """Return class names in order: those of the task state, else their numbers."""
    state = content.get("task_state")
    named = state.get("labels") if isinstance(state, dict) else None
    if not named:
        return [str(index) for index in range(classes)]
    names = {str(index): str(label) for label, index in dict(named).items()}
    if sorted(names) != sorted(str(index) for index in range(classes)):
        raise InputError(f"{path}: task_state.labels does not number the {classes} classes")
    return [names[str(index)] for index in range(classes)]


def _saved(
    kind: Kind, model: ModelConfig, weights: dict[str, Tensor], content: dict[str, Any], path: str
) -> SavedModel:
    task = Cfg(content["cfg"].get("task", {}), "cfg.task", path)
    return SavedModel(
        kind=kind,
        model=to_dict(model),
        weights=weights,
        normalization={
            "mean": float(task.number("norm_mean", AUDIOSET_NORMALIZATION["mean"])),
            "std": float(task.number("norm_std", AUDIOSET_NORMALIZATION["std"])),
        },
        fbank=to_dict(FbankConfig(resampler="torchaudio")),
        data={"max_frames": int(task.number("target_length", 1024)), "padding": "fill"},
        facts={
            "source": f"{Path(path).name}, a checkpoint of the ASDA or EAT repository",
            "updates": _last_number(content.get("optimizer_history"), "num_updates"),
        },
    )


def _last_number(history: Any, key: str) -> int | None:
    last = history[-1] if isinstance(history, list) and history else None
    number = last.get(key) if isinstance(last, dict) else None
    return number if isinstance(number, int) else None
