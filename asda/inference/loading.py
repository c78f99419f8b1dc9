"""Load model files as models that take audio."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from asda.checkpoint.load import read_model
from asda.checkpoint.saved_model import WhichEncoder
from asda.distributed import find_device
from asda.inference.audio_model import AudioModel
from asda.model.classifier import Classifier


def load(
    path: str | Path,
    device: str = "auto",
    precision: str = "float32",
    encoder: WhichEncoder = "student",
) -> AudioModel:
    """See `asda.load`."""
    saved = read_model(path)
    return AudioModel(saved, saved.build(encoder), precision).to(find_device(device))


def sharing_encoders(models: Sequence[AudioModel]) -> list[list[AudioModel]]:
    """Return models in groups of which each takes the same input and has the same encoder.

    The outputs of a group are computed in one pass of its first encoder, by
    `class_outputs([model.network for model in group])` in its first model's `run`.
    """
    groups: list[list[AudioModel]] = []
    for model in models:
        for group in groups:
            if _is_alike(group[0], model):
                group.append(model)
                break
        else:
            groups.append([model])
    return groups


def _is_alike(one: AudioModel, other: AudioModel) -> bool:
    """Return whether two models can share a pass of the encoder."""
    if not (isinstance(one.network, Classifier) and isinstance(other.network, Classifier)):
        return False
    windows = [(m.data.max_frames, m.data.min_frames, m.data.padding) for m in (one, other)]
    inputs = [(m.fbank.config, m.normalization, m.saved.config) for m in (one, other)]
    if inputs[0] != inputs[1] or windows[0] != windows[1]:
        return False
    first, second = (network.encoder.state_dict() for network in (one.network, other.network))
    return all(torch.equal(first[name], second[name]) for name in first)
