"""Command-line arguments common to the benchmarks."""

from __future__ import annotations

from asda.model.model_config import SIZES

MODEL_SIZES = sorted(path.stem for path in SIZES.glob("*.yaml"))
