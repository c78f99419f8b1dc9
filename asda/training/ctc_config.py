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
        frequency: how the patches at one time become one vector, where patches do not span the
            whole spectrum: "concatenate" joins them from low to high frequencies, "mean" averages
            them
        steps_per_patch: number of outputs for each time step of the patches; if these follow one
            another by more than about 40 ms, several are needed, since CTC can give no more units
            than there are outputs
        dropout: probability with which each input of the last linear layer is set to 0 in training
        drop_path: drop-path rate of the top block: the probability that one of its residual
            branches is left out for a clip, in training; the rate rises linearly from 0 at the
            lowest block
        freeze_encoder: whether only the head is trained
        encoder: which encoder of a pretrained model fine-tuning starts from, the student or its EMA
            teacher
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
