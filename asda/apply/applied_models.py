"""Models of a command."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from asda.inference.audio_model import AudioModel
from asda.inference.loading import load


def load_models(
    paths: Sequence[str], device: str, precision: str, threads: int
) -> list[AudioModel]:
    """Return the models, ready to compute.

    Raises:
        InputError: as `asda.load`.
    """
    if threads:
        torch.set_num_threads(threads)
    return [load(path, device, precision) for path in paths]
