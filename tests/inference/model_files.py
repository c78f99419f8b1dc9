"""Small models with random weights, as objects and as files, and noise."""

from __future__ import annotations

import numpy as np
import torch
from model.networks import tiny

from asda.checkpoint import tensor_files
from asda.checkpoint.saved_model import NO_HEAD, SavedModel
from asda.configuration import to_dict
from asda.dataset.data_config import DataConfig
from asda.features.fbank_config import FbankConfig
from asda.model.classifier import Classifier
from asda.model.encoder import Encoder
from asda.model.pretrainer import Pretrainer

RATE = 16000
LABELS = ["a", "b", "c"]


def saved_model(
    kind="finetuned",
    head=None,
    output="softmax",
    labels=LABELS,
    fbank=None,
    data=None,
    normalization=None,
    **model,
):
    """Return a model with random weights, the same in each call.

    Args:
        kind: "finetuned", "encoder" or "pretrained"
        head: settings of a classifier
        output: meaning of a classifier's outputs
        labels: of a classifier
        fbank: settings of the features
        data: settings of the data
        normalization: of the features; None = by mean and standard deviation
        model: settings of the network
    """
    torch.manual_seed(0)
    fbank = FbankConfig(**(fbank or {}))
    config = tiny(mel_bins=fbank.num_mel_bins, **model)
    head = {"pooling": "mean", "layers": "last"} | (head or {})
    is_classifier = kind == "finetuned"
    if is_classifier:
        network = Classifier(config, len(labels), **head)
    else:
        network = {"encoder": Encoder, "pretrained": Pretrainer}[kind](config)
    prefix = "encoder." if kind == "encoder" else ""
    return SavedModel(
        kind=kind,
        model=to_dict(config),
        weights={prefix + name: tensor for name, tensor in network.state_dict().items()},
        normalization=normalization or {"mean": -6.0, "std": 3.0},
        fbank=to_dict(fbank),
        data=to_dict(DataConfig(**({"max_frames": 200} | (data or {})))),
        output=output if is_classifier else NO_HEAD,
        labels=list(labels) if is_classifier else [],
        head={"name": "classifier", **head} if is_classifier else {},
        facts={"updates": 1, "source": "random weights"},
    )


def write_model(path, kind="finetuned", **options):
    """Write a model of `saved_model`, and return its path."""
    tensor_files.save(saved_model(kind, **options).content(), path)
    return path


def noise(seconds, seed=0, rate=RATE):
    samples = np.random.default_rng(seed).normal(0, 0.1, round(seconds * rate))
    return samples.astype(np.float32)
