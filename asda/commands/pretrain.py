"""`asda pretrain`"""

from __future__ import annotations

from asda.config import run_cli
from asda.training.config import PretrainConfig


def main(argv: list[str]) -> None:
    config = run_cli(PretrainConfig, argv, "asda pretrain")
    from asda.training.pretrain import pretrain

    pretrain(config)
