"""`asda pretrain`"""

from __future__ import annotations

from asda.command_line import run_cli
from asda.training.run_config import PretrainConfig


def main(argv: list[str]) -> None:
    config = run_cli(PretrainConfig, argv, "asda pretrain")
    from asda.tasks.pretraining import PretrainTask

    PretrainTask.run(config)
