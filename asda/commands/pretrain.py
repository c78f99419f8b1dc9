"""`asda pretrain`"""

from __future__ import annotations

from asda.command_line import refuse_ineffective, run_cli
from asda.training.run_config import PretrainConfig


def main(argv: list[str]) -> None:
    config = run_cli(PretrainConfig, argv, "asda pretrain")
    if config.init:
        refuse_ineffective(argv, "model", f"the model is that of {config.init}")
    from asda.tasks.pretraining import PretrainTask

    PretrainTask.run(config)
