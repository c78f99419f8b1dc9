"""Read checkpoints of the reference implementations (docs/algorithm.md#checkpoint-formats)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from asda.checkpoint.foreign.fairseq_cfg import Cfg, geometry
from asda.checkpoint.foreign.fairseq_names import AUDIO, OUTPUT, POSITIONS, reference_name
from asda.checkpoint.saved_model import NO_HEAD, Kind, SavedModel, check_tensors
from asda.configuration import to_dict
from asda.features.fbank_config import FbankConfig
from asda.files import InputError
from asda.model.classifier import Classifier
from asda.model.model_config import ResolvedModel
from asda.model.patches import sincos_positions

AUDIOSET_NORMALIZATION = {"mean": -4.268, "std": 4.569}  # docs/algorithm.md#features
POOLINGS = {"CLS_TOKEN": "cls", "MEAN_POOLING": "mean"}


def is_reference(content: Any) -> bool:
    """Say whether the content of a torch file looks like a checkpoint of the reference."""
    model = content.get("model") if isinstance(content, dict) else None
    return isinstance(model, dict) and any(AUDIO in str(name) for name in model)


def convert(content: dict[str, Any], path: str) -> SavedModel:
    """Convert the content of a pretraining or fine-tuned checkpoint of ASDA, EAT or SSLAM.

    Tensors keep their dtype (float16 after fp16 training). The table of positions is checked and
    dropped, since asda computes positions.

    Raises:
        InputError: if its tensors are not those of such a model, or contradict its cfg.
    """
    cfg = Cfg(content.get("cfg"), "cfg", path)
    tensors = {str(name): value for name, value in content["model"].items()}
    if any(name.startswith("model.") for name in tensors):
        saved = _classifier(content, cfg, tensors, path)
    else:
        teacher = tensors.pop("_ema", None)
        if not isinstance(teacher, dict):
            raise InputError(
                f"{path}: model._ema is missing: the teacher of a pretraining checkpoint"
            )
        tensors |= {f"_ema.{name}": value for name, value in teacher.items()}
        saved = _without_weights("pretrained", geometry(cfg, tensors, ""), content, path)
    saved.weights = _own_tensors(saved, tensors)
    return saved


def _classifier(
    content: dict[str, Any], cfg: Cfg, tensors: dict[str, Tensor], path: str
) -> SavedModel:
    """Return the fine-tuned model, still without its weights."""
    args = cfg.part("model")
    model = geometry(args.part("pretrained_model_args"), tensors, "model.")
    args.must_be("num_classes", len(tensors["head.weight"]) if "head.weight" in tensors else None)
    mode = str(args.values.get("prediction_mode", "CLS_TOKEN")).split(".")[-1]
    if mode not in POOLINGS:
        raise InputError(f"{path}: prediction_mode {mode}, expected {' or '.join(POOLINGS)}")
    saved = _without_weights("finetuned", model, content, path)
    saved.head = {"name": Classifier.name, "pooling": POOLINGS[mode]}
    saved.output = _output(content)
    saved.labels = _labels(content, int(args.number("num_classes")), path)
    return saved


def _output(content: dict[str, Any]) -> str:
    """Return what the logits of a fine-tuned checkpoint mean.

    `asda export` writes it to extra_state. The reference has no such entry: it trains with cross
    entropy where `esc50_eval` is set in its cfg, and with binary cross entropy on AudioSet and
    Speech Commands (docs/algorithm.md#classification-loss). Where nothing tells, the answer is
    sigmoid, which is what its evaluation applies to any logits.
    """
    extra = content.get("extra_state")
    written = extra.get(OUTPUT) if isinstance(extra, dict) else None
    if written in Classifier.outputs:
        return str(written)
    parts = (content["cfg"].get(name) for name in ("task", "model"))
    esc50 = any(isinstance(part, dict) and part.get("esc50_eval") is True for part in parts)
    return "softmax" if esc50 else "sigmoid"


def _own_tensors(saved: SavedModel, tensors: dict[str, Any]) -> dict[str, Tensor]:
    """Return all tensors of a model under asda's names.

    Raises:
        InputError: if a tensor is missing, left over or of another shape.
    """
    expected = saved.expected_tensors()
    tables = {name for name in tensors if name.endswith(POSITIONS)}
    check_tensors(
        {reference_name(name): tensor for name, tensor in expected.items()},
        {name: tensor for name, tensor in tensors.items() if name not in tables},
        saved.path,
    )
    for name in tables:
        check_positions(tensors[name], saved.config.width, f"{saved.path}: {name}")
    return {name: tensors[reference_name(name)] for name in expected}


def check_positions(table: Any, width: int, what: str) -> None:
    """Refuse a table of positions (1, any rows, width) that differs from the computed ones."""
    rows = table[0].float() if isinstance(table, Tensor) and table.ndim == 3 else torch.zeros(0)
    own = sincos_positions(max(1, len(rows) // 8), 8, width)
    if rows.shape != own.shape or (rows - own).abs().max() > 1e-3:  # float16 keeps 3 digits
        raise InputError(f"{what}: not the fixed sine and cosine positions of ASDA and EAT")


def _labels(content: dict[str, Any], classes: int, path: str) -> list[str]:
    """Return class names in order: from the task state, or their numbers if it has none."""
    state = content.get("task_state")
    named = state.get("labels") if isinstance(state, dict) else None
    if not named:
        return [str(index) for index in range(classes)]
    names = {str(index): str(label) for label, index in dict(named).items()}
    if sorted(names) != sorted(str(index) for index in range(classes)):
        raise InputError(f"{path}: task_state.labels does not number the {classes} classes")
    return [names[str(index)] for index in range(classes)]


def _without_weights(
    kind: Kind, model: ResolvedModel, content: dict[str, Any], path: str
) -> SavedModel:
    task = Cfg(content["cfg"].get("task", {}), "cfg.task", path)
    return SavedModel(
        kind=kind,
        model=to_dict(model),
        weights={},
        normalization={
            "mean": float(task.number("norm_mean", AUDIOSET_NORMALIZATION["mean"])),
            "std": float(task.number("norm_std", AUDIOSET_NORMALIZATION["std"])),
        },
        fbank=to_dict(FbankConfig(resampler="torchaudio")),
        data={"max_frames": int(task.number("target_length", 1024)), "padding": "fill"},
        output=NO_HEAD,
        facts={
            "source": f"{Path(path).name}, a checkpoint of the ASDA or EAT repository",
            "updates": _last_number(content.get("optimizer_history"), "num_updates"),
        },
        path=path,
    )


def _last_number(history: Any, key: str) -> int | None:
    last = history[-1] if isinstance(history, list) and history else None
    number = last.get(key) if isinstance(last, dict) else None
    return number if isinstance(number, int) else None
