"""`asda score`"""

from __future__ import annotations

from asda.config import run_cli
from asda.scoring.config import ScoreConfig


def main(argv: list[str]) -> None:
    config = run_cli(ScoreConfig, argv, "asda score")
    from asda.scoring.score import score

    score(config)
