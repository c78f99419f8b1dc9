"""Small models with random weights, exported to Hugging Face."""

import dataclasses

import torch
from inference import model_files

from asda.export import hugging_face_folder
from asda.export.export_options import ExportOptions

LABELS = ["dog", "rain", "siren", "door, slammed", "bell"]


def saved_model(kind="finetuned", data=None, **options):
    """Return a model whose tensors all differ, also those that begin as ones or zeros."""
    data = {"max_frames": 96} | (data or {})
    saved = model_files.saved_model(kind, labels=LABELS, data=data, **options)
    weights = {
        name: tensor + 0.1 * torch.randn(tensor.shape) for name, tensor in saved.weights.items()
    }
    facts = {"updates": 12, "train": "data/train", "seed": 1}
    return dataclasses.replace(saved, weights=weights, facts=facts)


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
