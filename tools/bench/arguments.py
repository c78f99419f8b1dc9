"""Command-line arguments common to the benchmarks."""

from __future__ import annotations

from asda.model.model_config import SIZES

MODEL_SIZES = sorted(path.stem for path in SIZES.glob("*.yaml"))


def positive(text: str) -> int:
    """Parse a positive integer; argparse uses the name of this function in its error messages."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
