"""Options of `asda export` that several formats share (no torch import)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Precision = Literal["float32", "int8"]


@dataclass(frozen=True)
class ExportOptions:
    """What is exported of a model.

    Args:
        inputs: what the exported model takes: waveforms, or log-mel features before normalisation
        precision: data type of the weights of linear layers
        encoder: which encoder of a pretrained model is exported
        licence: identifier of the licence of the weights, such as apache-2.0; "" = not stated
    """

    inputs: Literal["waveform", "features"] = "waveform"
    precision: Precision = "float32"
    encoder: Literal["student", "teacher"] = "student"
    licence: str = ""
