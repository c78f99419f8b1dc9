"""What the benchmarks take on the command line."""

from __future__ import annotations

from asda.model.model_config import SIZES

MODEL_SIZES = sorted(path.stem for path in SIZES.glob("*.yaml"))


def positive(text: str) -> int:
    """Return a whole number from 1 on; argparse refuses other words by the name of this type."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
