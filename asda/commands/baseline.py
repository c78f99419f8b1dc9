"""`asda baseline`: train baselines on band statistics and score them."""

from __future__ import annotations

from asda.command_line import run_cli
from asda.scoring.score_config import BaselineConfig
from asda.unread_settings import refuse_unread


def main(argv: list[str]) -> None:
    config = run_cli(BaselineConfig, argv, "asda baseline")
    refuse_unread(config)
    from asda.scoring.baselines import score_baselines

    score_baselines(config)
