"""`asda score`: score a trained classifier or recogniser on a data directory."""

from __future__ import annotations

from asda.command_line import run_cli
from asda.scoring.score_config import ScoreConfig
from asda.unread_settings import refuse_unread


def main(argv: list[str]) -> None:
    config = run_cli(ScoreConfig, argv, "asda score")
    refuse_unread(config)
    from asda.scoring.score_model import score

    score(config)
