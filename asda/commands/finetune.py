"""`asda finetune`"""

from __future__ import annotations

from asda.config import run_cli
from asda.training.config import FinetuneConfig


def main(argv: list[str]) -> None:
    config = run_cli(FinetuneConfig, argv, "asda finetune")
    from asda.training.finetune import finetune

    finetune(config)
