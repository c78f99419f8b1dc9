"""`asda baseline`"""

from __future__ import annotations

from asda.config import run_cli
from asda.scoring.config import BaselineConfig


def main(argv: list[str]) -> None:
    config = run_cli(BaselineConfig, argv, "asda baseline")
    from asda.scoring.baseline import score_baselines

    score_baselines(config)
