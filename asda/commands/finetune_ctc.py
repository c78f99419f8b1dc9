"""`asda finetune-ctc`"""

from __future__ import annotations

from asda.command_line import refuse_ineffective, run_cli
from asda.training.ctc_config import CtcConfig


def main(argv: list[str]) -> None:
    config = run_cli(CtcConfig, argv, "asda finetune-ctc")
    if config.init:
        refuse_ineffective(argv, "model", f"the model is that of {config.init}")
    else:
        reason = "it selects an encoder of the model given by --init"
        refuse_ineffective(argv, "ctc.encoder", reason)
    from asda.tasks.recognition import RecognitionTask

    RecognitionTask.run(config)
