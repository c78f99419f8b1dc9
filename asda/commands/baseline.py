"""Train plain classifiers on band statistics, for comparison."""

from __future__ import annotations

from asda.config import run_cli


def main(argv: list[str]) -> None:
    from asda.scoring.baseline import score_baselines

    run_cli(score_baselines, argv, "asda baseline")
