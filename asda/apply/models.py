"""Models of a command, and digests by which results name them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import torch

from asda.digests import file_digest, value_digest
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


def model_digest(model: AudioModel) -> str:
    """Return the digest of the file, or of the files of the folder, that a model was read from."""
    path = Path(model.saved.path)
    if not path.is_dir():
        return file_digest(path)
    files = sorted(name for name in os.listdir(path) if (path / name).is_file())
    return value_digest({name: file_digest(path / name) for name in files})
