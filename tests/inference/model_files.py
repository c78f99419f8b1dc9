"""Model files with random weights, and noise."""

from __future__ import annotations

import numpy as np
import torch
from model.networks import tiny

from asda.checkpoint import tensor_files
from asda.checkpoint.saved_model import SavedModel
from asda.configuration import to_dict
from asda.dataset.data_config import DataConfig
from asda.features.fbank_config import FbankConfig
from asda.model.classifier import Classifier
from asda.model.encoder import Encoder
from asda.model.model_config import PatchConfig

RATE = 16000
LABELS = ["a", "b", "c"]
HEAD = {"name": "classifier", "pooling": "mean", "layers": "last"}


def write_model(path, head=HEAD, output="softmax", padding="mask", max_frames=200, patch=None):
    """Write a model with random weights, an encoder if the head is empty."""
    torch.manual_seed(0)
    config = tiny(patch=patch or PatchConfig(16, 16))
    settings = {key: value for key, value in head.items() if key != "name"}
    network = Classifier(config, len(LABELS), **settings) if head else Encoder(config)
    prefix = "" if head else "encoder."
    saved = SavedModel(
        "finetuned" if head else "encoder",
        to_dict(config),
        {prefix + name: tensor for name, tensor in network.state_dict().items()},
        {"mean": -6.0, "std": 3.0},
        to_dict(FbankConfig()),
        to_dict(DataConfig(max_frames=max_frames, padding=padding)),
        output if head else "tokens",
        LABELS if head else [],
        head,
        {"updates": 1, "source": "random weights"},
    )
    tensor_files.save(saved.content(), path)
    return path


def noise(seconds, seed=0, rate=RATE):
    samples = np.random.default_rng(seed).normal(0, 0.1, round(seconds * rate))
    return samples.astype(np.float32)
