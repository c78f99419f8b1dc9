"""asda: self-supervised audio representations with differential attention."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from asda.model.classifier import Classifier
    from asda.model.encoder import Encoder

__version__ = "0.1.0"


def load_model(
    path: str | Path, encoder: Literal["student", "teacher"] = "student"
) -> Encoder | Classifier:
    """Return the network of a model file in evaluation mode, in float32 on the CPU.

        model = asda.load_model("model.pt")
        tokens = model(fbank).tokens  # of an encoder: (batch, 1 + patches, width), CLS first
        logits = model(fbank)         # of a classifier: (batch, classes)

    `fbank` is (batch, frames, mel) log-mel features, normalised as `asda info` says.

    Args:
        path: a model.pt of asda, a pretraining or fine-tuned checkpoint of ASDA, EAT or SSLAM,
            or a Hugging Face export of EAT (.safetensors); nothing in it is executed
        encoder: which encoder of a pretrained model to take

    Returns:
        The classifier of a fine-tuned model, the encoder of any other.

    Raises:
        asda.files.InputError: saying what the file is and what was expected.
    """
    from asda.checkpoint import load  # torch is imported only when a model is

    return load.load_model(path, encoder)
