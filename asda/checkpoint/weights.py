"""Finished models: one file with weights, configuration and all that is needed to use them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from torch import Tensor, nn

from asda import __version__
from asda.config import build
from asda.files import InputError
from asda.model.config import ModelConfig

FORMAT = "asda model 1"


@dataclass
class SavedModel:
    """The content of a model.pt.

    Attributes:
        kind: "pretrained" (student, teacher and decoder) or "classifier"
        model: resolved model configuration
        weights: the module's state dict
        normalization: {"mean", "std"} of the log-mel values it was trained on
        fbank: feature configuration
        data: crop and padding of clips
        labels: class order (classifier)
        head: number of classes and pooling (classifier)
        facts: how it was trained: updates, seed, versions
    """

    kind: Literal["pretrained", "classifier"]
    model: dict[str, Any]
    weights: dict[str, Tensor]
    normalization: dict[str, float]
    fbank: dict[str, Any]
    data: dict[str, Any]
    labels: list[str] = field(default_factory=list)
    head: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def content(self) -> dict[str, Any]:
        """Return what `training_state.save` writes."""
        return {"format": FORMAT, "asda": __version__, **vars(self)}

    def model_config(self, where: str) -> ModelConfig:
        return build(ModelConfig, self.model, where)


def encoder_weights(
    saved: SavedModel, which: Literal["student", "teacher"], path: str | Path
) -> dict[str, Tensor]:
    """Return the encoder's tensors of a pretrained model (student or teacher) or a classifier."""
    prefix = f"{which}." if saved.kind == "pretrained" else "encoder."
    weights = {
        name.removeprefix(prefix): tensor
        for name, tensor in saved.weights.items()
        if name.startswith(prefix)
    }
    if not weights:
        raise InputError(f"{path}: holds no tensors of a {which} encoder")
    return weights


def load_weights(module: nn.Module, weights: dict[str, Tensor], path: str | Path) -> None:
    """Copy tensors into a module that has exactly these, of these shapes.

    Raises:
        InputError: naming the missing, unexpected or differently shaped tensors.
    """
    own = module.state_dict()
    missing = sorted(set(own) - set(weights))
    unexpected = sorted(set(weights) - set(own))
    shapes = [
        f"{name} {tuple(weights[name].shape)} for {tuple(own[name].shape)}"
        for name in own
        if name in weights and own[name].shape != weights[name].shape
    ]
    problems = [
        f"{title}: {', '.join(names[:3])}{f' and {len(names) - 3} more' if len(names) > 3 else ''}"
        for title, names in (
            ("missing", missing),
            ("unexpected", unexpected),
            ("other sizes", shapes),
        )
        if names
    ]
    if problems:
        raise InputError(f"{path}: does not fit the model ({'; '.join(problems)})")
    module.load_state_dict(weights)
