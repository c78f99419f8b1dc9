"""Tracing: the arguments of torch.export that all formats share."""

from __future__ import annotations

import importlib
from typing import Any

import torch
from torch import Tensor

from asda.export.exported_model import ExportedModel
from asda.files import InputError


def example(model: ExportedModel) -> tuple[Tensor, Tensor]:
    """Return a batch that is traced, of two clips."""
    length = 2 * model.least
    shape = (2, length) if model.inputs == "waveform" else (2, length, model.mel_bins)
    return torch.zeros(shape), torch.tensor([length, model.least])


def dynamic_shapes(model: ExportedModel) -> tuple[dict[int, Any], dict[int, Any]]:
    """Return which dimensions of the arguments vary: the batch and the length."""
    batch = torch.export.Dim("batch", min=1)
    length = torch.export.Dim(
        "samples" if model.inputs == "waveform" else "frames", min=model.least
    )
    return {0: batch, 1: length}, {0: batch}


def require(extra: str, *packages: str) -> None:
    """Refuse to begin without the packages of an extra.

    Raises:
        InputError: naming the command that installs them.
    """
    for package in packages:
        try:
            importlib.import_module(package)
        except ImportError:
            raise InputError(
                f"this format needs the package {package}: pip install 'asda[{extra}]'"
            ) from None
