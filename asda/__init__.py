"""asda: self-supervised audio representations with differential attention."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from asda.inference.audio_model import AudioModel

__all__ = ["__version__", "load"]
__version__ = "0.1.0"


def load(
    path: str | Path,
    device: str = "auto",
    precision: Literal["float32", "bf16", "fp16"] = "float32",
    encoder: Literal["student", "teacher"] = "student",
) -> AudioModel:
    """Return a trained model that takes audio, in evaluation mode.

        model = asda.load("model.pt")
        model.tag("dog.wav")                # [Tag(label="dog", index=0, score=0.98), ...]
        model.embed(["a.wav", "b.flac"])    # (2, width)
        model.frames(waveform, rate=44100)  # features (time, width), mask and times in seconds
        model.transcribe("talk.wav").text   # "hello world", by a recogniser

    All settings of the features come from the file. The network itself, which takes normalised
    log-mel features, is `model.network`.

    Args:
        path: a model.pt of asda, a pretraining or fine-tuned checkpoint of ASDA, EAT or SSLAM, a
            Hugging Face export of asda (a folder) or EAT (.safetensors), or the name of a model
            that `asda models` lists, which is fetched if it is not in the cache; nothing in a file
            is executed
        device: "cpu", "cuda" or "auto" (a GPU if one is available)
        precision: number format of the network; results are float32
        encoder: which encoder of a pretrained model to use

    Raises:
        asda.files.InputError: saying what the file is and what was expected.
    """
    from asda.inference.loading import load  # here, so that `import asda` needs no torch

    return load(path, device, precision, encoder)
