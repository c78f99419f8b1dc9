"""Small classifiers as files, and sounds to apply them to."""

import dataclasses

import numpy as np
import soundfile
import torch
from inference.model_files import RATE, saved_model

from asda.checkpoint import tensor_files

LABELS = ["bell", "cat", "dog"]


def write_classifier(path, labels=LABELS, seed=1, encoder_shift=0.0, output="softmax"):
    """Write a classifier of clips of two seconds, whose scores differ between sounds.

    Args:
        path: of the file
        labels: of its classes
        seed: of its head
        encoder_shift: added to the weights of its encoder
        output: meaning of its outputs
    """
    saved = saved_model(labels=labels, output=output)
    draw = torch.Generator().manual_seed(seed)
    width = saved.weights["head.weight"].shape[1]
    weights = saved.weights | {
        "head.weight": torch.randn((len(labels), width), generator=draw),
        "head.bias": torch.randn(len(labels), generator=draw),
    }
    for name in weights:
        if name.startswith("encoder."):
            weights[name] = weights[name] + encoder_shift
    tensor_files.save(dataclasses.replace(saved, weights=weights).content(), path)
    return path


def write_sounds(folder, seconds=(1.0, 0.5, 3.3)):
    """Write sweeps `0.wav`, `1.wav`, ... of these lengths."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, length in enumerate(seconds):
        time = np.arange(round(length * RATE)) / RATE
        sound = 0.5 * np.sin(2 * np.pi * (200 * (number + 1) + 700 * time) * time)
        soundfile.write(folder / f"{number}.wav", sound, RATE)
    return folder
