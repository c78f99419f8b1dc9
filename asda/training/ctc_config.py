"""Settings of `asda finetune-ctc` (typed configuration, no torch import)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from asda.text.unit_model import MODEL, SETTINGS
from asda.training.run_config import RunConfig


@dataclass
class CtcHeadConfig:
    """Head and initialisation of the recogniser.

    Args:
        frequency: the patches of one time are concatenated, from low to high, or averaged; there is
            nothing to choose if patches span the whole spectrum
        steps_per_patch: outputs for each time of the patches; patches longer than about 40 ms need
            several, since CTC can give no more units than there are steps
        dropout: fraction of the inputs of the last linear layer that is dropped
        drop_path: drop-path rate of the top block, rising linearly from 0 at the lowest block
        freeze_encoder: train only the head
        encoder: initialise from the student or the EMA teacher of a pretrained model
    """

    frequency: Literal["concatenate", "mean"] = "concatenate"
    steps_per_patch: int = 1
    dropout: float = 0.1
    drop_path: float = 0.1
    freeze_encoder: bool = False
    encoder: Literal["student", "teacher"] = "student"

    def __post_init__(self) -> None:
        for name in ("dropout", "drop_path"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"ctc.{name} must lie in 0..1, not {getattr(self, name)}")
        if self.steps_per_patch < 1:
            raise ValueError(f"ctc.steps_per_patch must be at least 1, not {self.steps_per_patch}")


@dataclass(kw_only=True)
class CtcConfig(RunConfig):
    """Train a recogniser by CTC on a pretrained encoder (--init), or from scratch.

    Args:
        units: folder with the units that `asda units` trained
        ctc: head and initialisation
    """

    units: str
    ctc: CtcHeadConfig = field(default_factory=CtcHeadConfig)

    def __post_init__(self) -> None:
        for name in ("roll", "mixup_alpha"):
            if getattr(self.augment, name):
                raise ValueError(f"augment.{name} would separate the audio from its transcript")
        if self.training.deterministic:
            raise ValueError("training.deterministic: PyTorch has no such CTC loss on GPUs")

    @property
    def command(self) -> str:
        """COMMAND of the `asda COMMAND` that takes these settings."""
        return "finetune-ctc"

    def further_inputs(self) -> dict[str, str]:
        return {"units": f"{self.units}/{MODEL}", "settings of units": f"{self.units}/{SETTINGS}"}
