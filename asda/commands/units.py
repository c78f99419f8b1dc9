"""`asda units`: train the units of recognition."""

from __future__ import annotations

from asda.command_line import run_cli
from asda.text.units_config import UnitsConfig


def main(argv: list[str]) -> None:
    config = run_cli(UnitsConfig, argv, "asda units")
    from asda.text.unit_training import train_units

    train_units(config)
