"""`asda finetune-ctc`"""

from __future__ import annotations

from asda.command_line import run_cli
from asda.commands.starting_encoder import refuse_without_effect
from asda.training.ctc_config import CtcConfig


def main(argv: list[str]) -> None:
    config = run_cli(CtcConfig, argv, "asda finetune-ctc")
    refuse_without_effect(argv, config, "ctc")
    from asda.tasks.recognition import RecognitionTask

    RecognitionTask.run(config)
