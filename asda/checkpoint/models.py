"""Model files of every known kind: those of asda, of the reference, and EAT's exports."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from torch import nn

from asda.checkpoint import reference
from asda.checkpoint.unpickle import load_foreign
from asda.checkpoint.weights import FORMAT, SavedModel, encoder_weights, load_weights
from asda.model.classifier import Classifier
from asda.model.encoder import Encoder


def read_model(path: str | Path) -> SavedModel:
    """Read a model.pt of asda or a checkpoint of ASDA, EAT or SSLAM; nothing in it is executed.

    Raises:
        InputError: saying what the file is, if it is damaged, unsafe or another kind of file.
    """
    content = load_foreign(path)
    if isinstance(content, dict) and content.get("format") == FORMAT:
        return SavedModel(**{key: content[key] for key in SavedModel.__dataclass_fields__})
    return reference.convert(content, str(path))


def load_model(
    path: str | Path, encoder: Literal["student", "teacher"] = "student"
) -> Encoder | Classifier:
    """Return the network of a model file in evaluation mode, in float32 on the CPU.

    Args:
        path: a file that `read_model` reads
        encoder: which encoder of a pretrained model to take

    Returns:
        The classifier of a fine-tuned model, the encoder of a pretrained one.
    """
    saved = read_model(path)
    config = saved.model_config(str(path))
    network: nn.Module
    if saved.kind == "classifier":
        network = Classifier(config, len(saved.labels), saved.head["pooling"])
        load_weights(network, saved.weights, path)
    else:
        network = Encoder(config)
        load_weights(network, encoder_weights(saved, encoder, path), path)
    return network.eval()
