"""Finished models: one file with weights, configuration and all that is needed to use them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from asda import __version__
from asda.configuration import build
from asda.files import InputError
from asda.model.classifier import Classifier
from asda.model.encoder import Encoder
from asda.model.model_config import ModelConfig, PooledLayers, Pooling
from asda.model.pretrainer import Pretrainer

FORMAT = "asda model 1"
Kind = Literal["pretrained", "encoder", "classifier"]


@dataclass
class SavedModel:
    """The content of a model.pt.

    Attributes:
        kind: "pretrained" (student, teacher and decoder), "encoder" (one of them alone) or
            "classifier"
        model: resolved model configuration
        weights: the module's state dict
        normalization: {"mean", "std"} of the log-mel values it was trained on
        fbank: feature configuration
        data: crop and padding of clips
        labels: class order (classifier)
        head: pooling and pooled layers (classifier)
        facts: how it was trained: updates, seed, versions
    """

    kind: Kind
    model: dict[str, Any]
    weights: dict[str, Tensor]
    normalization: dict[str, float]
    fbank: dict[str, Any]
    data: dict[str, Any]
    labels: list[str] = field(default_factory=list)
    head: dict[str, Pooling | PooledLayers] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def content(self) -> dict[str, Any]:
        """Return what `tensor_files.save` writes."""
        return {"format": FORMAT, "asda": __version__, **vars(self)}

    def model_config(self, where: str) -> ModelConfig:
        return resolved_model(self.model, where)


def resolved_model(values: dict[str, Any], path: str) -> ModelConfig:
    """Return a model configuration without nulls.

    Raises:
        InputError: if a value does not fit.
    """
    try:
        return build(ModelConfig, values, path).resolved()
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None


def encoder_weights(
    saved: SavedModel, which: Literal["student", "teacher"], path: str | Path
) -> dict[str, Tensor]:
    """Return the encoder's tensors of a model; a pretrained one has two to choose from.

    Raises:
        InputError: if the teacher of a model is asked for that has one encoder only.
    """
    if saved.kind != "pretrained" and which == "teacher":
        raise InputError(f"{path}: holds one encoder ({saved.kind}); only pretrained has a teacher")
    prefix = f"{which}." if saved.kind == "pretrained" else "encoder."
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in saved.weights.items()
        if name.startswith(prefix)
    }


def expected_tensors(
    kind: Kind, config: ModelConfig, classes: int = 0, head: Mapping[str, str] = {"pooling": "cls"}
) -> dict[str, Tensor]:
    """Return the tensors that a model must hold, by name, without memory for their values."""
    with torch.device("meta"):
        if kind == "pretrained":
            return Pretrainer(config).state_dict()
        if kind == "classifier":
            return Classifier(config, classes, **head).state_dict()
        return {f"encoder.{name}": t for name, t in Encoder(config).state_dict().items()}


def load_weights(module: nn.Module, weights: dict[str, Tensor], path: str | Path) -> None:
    """Copy tensors into a module that has exactly these, of these shapes.

    Raises:
        InputError: naming the missing, unexpected or differently shaped tensors.
    """
    check_tensors(module.state_dict(), weights, path)
    module.load_state_dict(weights)


def check_tensors(
    expected: Mapping[str, Tensor], found: Mapping[str, Any], path: str | Path
) -> None:
    """Refuse tensors that are not, by name and shape, the expected ones.

    Raises:
        InputError: naming the missing, unexpected or differently shaped tensors.
    """
    differing = [
        f"{name} {_shape(found[name])}, expected {_shape(expected[name])}"
        for name in expected
        if name in found and _shape(found[name]) != _shape(expected[name])
    ]
    problems = [
        f"{len(names)} {title}: {', '.join(names[:3])}{', ...' if len(names) > 3 else ''}"
        for title, names in (
            ("missing", sorted(set(expected) - set(found))),
            ("unexpected", sorted(set(found) - set(expected))),
            ("of another size", differing),
        )
        if names
    ]
    if problems:
        raise InputError(f"{path}: its tensors do not fit the model ({'; '.join(problems)})")


def _shape(value: Any) -> tuple[int, ...] | str:
    is_weight = isinstance(value, Tensor) and value.is_floating_point()
    return tuple(value.shape) if is_weight else f"({getattr(value, 'dtype', type(value).__name__)})"
