"""asda: self-supervised audio representations with differential attention."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import nn

__all__ = ["__version__", "load_model"]
__version__ = "0.1.0"


def load_model(path: str | Path, encoder: Literal["student", "teacher"] = "student") -> nn.Module:
    """Return the network of a model file in evaluation mode, in float32 on the CPU.

        model = asda.load_model("model.pt")
        tokens = model(fbank).tokens  # an encoder's: (batch, 1 + patches, width), CLS first
        logits = model(fbank)         # a classifier's: (batch, classes)

    `fbank` is (batch, frames, mel) log-mel features, normalised as `asda info` shows.

    Args:
        path: a model.pt of asda, a pretraining or fine-tuned checkpoint of ASDA, EAT or SSLAM,
            or a Hugging Face export of EAT (.safetensors); nothing in it is executed
        encoder: which encoder of a pretrained model to return

    Returns:
        The network with its head if the model was fine-tuned, otherwise the encoder. Its attribute
        `labels` names the outputs in their order (empty for an encoder), `normalization` holds the
        mean and the standard deviation ("std") of the log-mel values, and `fbank` the settings of
        the features (empty if they are unknown).

    Raises:
        asda.files.InputError: saying what the file is and what was expected.
    """
    from asda.checkpoint.load import read_model  # here, so that `import asda` needs no torch

    saved = read_model(path)
    network = saved.build(encoder)
    for name in ("labels", "normalization", "fbank"):
        setattr(network, name, getattr(saved, name))
    return network
