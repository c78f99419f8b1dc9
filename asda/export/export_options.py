"""Choices of `asda export` that several formats share (no torch import)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ExportOptions:
    """What is exported of a model.

    Args:
        encoder: which encoder of a pretrained model
        inputs: what the graph takes: the waveform, or log-mel features before normalisation
    """

    encoder: Literal["student", "teacher"] = "student"
    inputs: Literal["waveform", "features"] = "waveform"
