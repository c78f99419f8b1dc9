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
        license: identifier of the weights' licence, such as apache-2.0; "" = not stated
    """

    encoder: Literal["student", "teacher"] = "student"
    inputs: Literal["waveform", "features"] = "waveform"
    license: str = ""
