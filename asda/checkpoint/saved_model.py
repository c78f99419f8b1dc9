"""Trained models: one file with weights, configuration and everything needed to use them."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from asda import __version__
from asda.checkpoint.uninitialised import Uninitialised
from asda.configuration import build
from asda.files import InputError
from asda.model.classifier import Classifier
from asda.model.ctc_head import CtcHead
from asda.model.encoder import Encoder
from asda.model.heads import Head, make_head
from asda.model.model_config import ModelConfig, ResolvedModel
from asda.model.pretrainer import Pretrainer

FORMAT = "asda model 2"
FIRST_FORMAT = "asda model 1"
NO_HEAD = "tokens"  # output of an encoder
Kind = Literal["pretrained", "encoder", "finetuned"]
WhichEncoder = Literal["student", "teacher"]


@dataclass
class SavedModel:
    """The content of a model.pt.

    Attributes:
        kind: "pretrained" (student, teacher and decoder), "encoder" (one encoder alone) or
            "finetuned" (an encoder with a head)
        model: resolved model configuration
        weights: state dict of the network
        normalization: attributes of the `AnyNormalization` of the log-mel values it was trained
            on: {"mean", "std"} or {"range_db"}
        fbank: feature configuration
        data: crop and padding of clips
        output: meaning of the network's output: "tokens" without a head, else that of the head
            ("softmax", "sigmoid", "ctc", ...)
        labels: names of the head's outputs, in order
        head: {"name": a registered head, ...its settings}; empty without a head
        units: unit model of a head that recognises speech, see `UnitModel.content`; empty otherwise
        facts: how it was trained: updates, seed, versions; nothing here changes what is computed
        path: the file it was read from, for messages; not part of the content
    """

    kind: Kind
    model: dict[str, Any]
    weights: dict[str, Tensor]
    normalization: dict[str, float]
    fbank: dict[str, Any]
    data: dict[str, Any]
    output: str
    labels: list[str] = field(default_factory=list)
    head: dict[str, Any] = field(default_factory=dict)
    units: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    path: str = "model.pt"

    def content(self) -> dict[str, Any]:
        """Return what `tensor_files.save` writes."""
        values = {entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self)}
        del values["path"]
        return {"format": FORMAT, "asda": __version__, **values}

    @property
    def recognises_speech(self) -> bool:
        """Whether the output is the units of transcripts."""
        return self.output in CtcHead.outputs

    @functools.cached_property
    def config(self) -> ResolvedModel:
        """The resolved model configuration."""
        return resolved_model(self.model, self.path)

    def build(self, encoder: WhichEncoder = "student") -> nn.Module:
        """Return the trained network in evaluation mode: the `Head` of a fine-tuned model, else an
        `Encoder`.

        Args:
            encoder: which encoder of a pretrained model

        Raises:
            InputError: if the head is not registered, or there is no teacher to choose.
        """
        weights = self.encoder_weights(encoder)  # refuses a teacher that does not exist
        network: nn.Module
        if self.kind == "finetuned":
            network, weights = self._head(), self.weights
        else:
            network = Encoder(self.config)
        load_weights(network, weights, self.path)
        return network.eval()

    def expected_tensors(self) -> dict[str, Tensor]:
        """Return the tensors that `weights` must hold, by name, on the meta device."""
        with torch.device("meta"), Uninitialised():
            if self.kind == "pretrained":
                return Pretrainer(self.config).state_dict()
            if self.kind == "finetuned":
                return self._head().state_dict()
            return {f"encoder.{name}": t for name, t in Encoder(self.config).state_dict().items()}

    def encoder_weights(self, encoder: WhichEncoder = "student") -> dict[str, Tensor]:
        """Return the state dict of an `Encoder`; a pretrained model has two to choose from.

        Raises:
            InputError: if the teacher is asked of a model that has only one encoder.
        """
        if self.kind != "pretrained" and encoder == "teacher":
            raise InputError(
                f"{self.path}: holds one encoder ({self.kind}); only a pretrained model has a"
                " teacher"
            )
        prefix = f"{encoder}." if self.kind == "pretrained" else "encoder."
        return {
            name.removeprefix(prefix): tensor
            for name, tensor in self.weights.items()
            if name.startswith(prefix)
        }

    def _head(self) -> Head:
        try:
            head = make_head(self.head, self.config, len(self.labels))
        except (ValueError, TypeError) as error:  # TypeError: settings that the head does not take
            raise InputError(f"{self.path}: {error}") from None
        if self.output not in head.outputs:
            raise InputError(
                f"{self.path}: output {self.output}; the output of head {head.name} is one of"
                f" {', '.join(head.outputs)}"
            )
        return head


def upgraded(content: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a file of format "asda model 1" as one of the present format.

    Raises:
        LookupError, TypeError, AttributeError: if it is damaged.
    """
    model = dict(content["model"])
    if "clones" in model:
        model["num_masks"] = model.pop("clones")
    if content["kind"] != "classifier":
        return content | {"model": model, "output": NO_HEAD}
    softmax = content["facts"].get("loss") == "cross_entropy"
    return content | {
        "kind": "finetuned",
        "model": model,
        "head": {"name": Classifier.name, **content["head"]},
        "output": "softmax" if softmax else "sigmoid",
    }


def resolved_model(values: dict[str, Any], path: str) -> ResolvedModel:
    """Return a model configuration without nulls.

    Raises:
        InputError: if a value does not fit.
    """
    try:
        return build(ModelConfig, values, path).resolved()
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None


def load_weights(module: nn.Module, weights: Mapping[str, Tensor], path: str | Path) -> None:
    """Copy tensors into a module that has exactly these, of these shapes.

    Raises:
        InputError: naming the missing, unexpected or differently shaped tensors.
    """
    check_tensors(module.state_dict(), weights, path)
    module.load_state_dict(weights)


def check_tensors(
    expected: Mapping[str, Tensor], found: Mapping[str, Any], path: str | Path
) -> None:
    """Refuse tensors whose names or shapes are not the expected ones.

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
    if not (isinstance(value, Tensor) and value.is_floating_point()):
        return f"({getattr(value, 'dtype', type(value).__name__)})"
    if value.untyped_storage().nbytes() < value.numel() * value.element_size():
        return f"{tuple(value.shape)} of fewer stored values"  # a copy would need all the memory
    return tuple(value.shape)
