"""`asda finetune`"""

from __future__ import annotations

from asda.command_line import run_cli
from asda.commands.starting_encoder import refuse_without_effect
from asda.training.run_config import FinetuneConfig


def main(argv: list[str]) -> None:
    config = run_cli(FinetuneConfig, argv, "asda finetune")
    refuse_without_effect(argv, config, "classifier")
    from asda.tasks.classification import ClassificationTask

    ClassificationTask.run(config)
