"""Small models with random weights, exported to Hugging Face."""

import dataclasses

import torch
from model.networks import tiny

from asda.checkpoint.saved_model import SavedModel
from asda.configuration import to_dict
from asda.dataset.data_config import DataConfig
from asda.export import hugging_face_folder
from asda.export.export_options import ExportOptions
from asda.features.fbank_config import FbankConfig
from asda.model.classifier import Classifier
from asda.model.encoder import Encoder
from asda.model.pretrainer import Pretrainer

LABELS = ["dog", "rain", "siren", "door, slammed", "bell"]


def drawn(module):
    """Draw all tensors, so that also those that begin as ones or zeros are told apart."""
    torch.manual_seed(0)
    return {
        name: tensor + 0.1 * torch.randn(tensor.shape)
        for name, tensor in module.state_dict().items()
    }


def saved_model(kind="finetuned", head=None, output="softmax", fbank=None, data=None, **model):
    """Return a SavedModel; `model` are fields of its configuration."""
    fbank = FbankConfig(**(fbank or {}))
    config = tiny(mel_bins=fbank.num_mel_bins, **model)
    head = {"pooling": "mean"} | (head or {})
    if kind == "finetuned":
        weights = drawn(Classifier(config, len(LABELS), **head))
    elif kind == "encoder":
        weights = {f"encoder.{name}": tensor for name, tensor in drawn(Encoder(config)).items()}
    else:
        weights = drawn(Pretrainer(config))
    return SavedModel(
        kind=kind,
        model=to_dict(config),
        weights=weights,
        normalization={"mean": -5.5, "std": 3.75},
        fbank=to_dict(fbank),
        data=to_dict(DataConfig(**({"max_frames": 96} | (data or {})))),
        output=output if kind == "finetuned" else "tokens",
        labels=LABELS if kind == "finetuned" else [],
        head={"name": "classifier", **head} if kind == "finetuned" else {},
        facts={"updates": 12, "train": "data/train", "seed": 1},
    )


def write_unchecked(saved, out, monkeypatch, **options):
    """Write a folder without the process of its own that checks it."""
    with monkeypatch.context() as patch:
        patch.setattr(hugging_face_folder, "check_folder", lambda saved, folder: "")
        hugging_face_folder.write(saved, out, ExportOptions(**options))
    return out


def contents(saved):
    """Return all that a model holds, with weights that == compares."""
    values = dataclasses.asdict(saved)
    del values["path"]
    values["weights"] = {n: (t.dtype, t.tolist()) for n, t in values["weights"].items()}
    return values
