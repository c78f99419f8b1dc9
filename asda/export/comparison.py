"""Whether an exported model computes what asda computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from asda.export.export_options import Precision
from asda.export.exported_model import ExportedModel
from asda.features.extract import log_mel_of
from asda.features.normalization import Normalization
from asda.files import InputError
from asda.inference.audio_model import AudioModel
from asda.inference.computations import class_outputs, embeddings, frame_embeddings
from asda.inference.model_input import padded
from asda.model.heads import Head

# Largest differences, relative to the largest value of an output if that is above 1.
TOLERANCES: dict[Precision, float] = {"float32": 1e-4, "int8": 0.2}

Outputs = Mapping[str, np.ndarray]
Run = Callable[[Tensor, Tensor], Outputs]  # takes signal and lengths


class Case(NamedTuple):
    """A batch of clips with noise as padding, which must have no effect.

    Attributes:
        signal: (batch, samples) or (batch, frames, mel) float32
        lengths: (batch,) int64
        expected: the outputs of each clip alone, without the dimension of the batch
    """

    signal: Tensor
    lengths: Tensor
    expected: list[Outputs]


@torch.inference_mode()
def cases(exported: ExportedModel, model: AudioModel) -> list[Case]:
    """Return batches of one clip and of three, with lengths from the shortest to the longest.

    The expected outputs are computed by `model`, each clip alone.
    """
    random = torch.Generator().manual_seed(0)
    middle = (exported.shortest + exported.longest) // 2
    found = []
    for lengths in ([exported.shortest], [middle, exported.longest, 3 * middle // 4]):
        signal = _signal(exported, model, (len(lengths), max(lengths)), random)
        expected = [
            _expected(model, row[:length].numpy())
            for row, length in zip(signal, lengths, strict=True)
        ]
        found.append(Case(signal, torch.tensor(lengths), expected))
    return found


def _signal(
    exported: ExportedModel, model: AudioModel, shape: tuple[int, int], random: torch.Generator
) -> Tensor:
    """Return log-mel-like values, or noise whose level varies by 40 dB from clip to clip."""
    if exported.log_mel is None:
        norm = model.normalization
        # By clip, values of any level do; these cover more than the range that counts.
        mean, std = (norm.mean, norm.std) if isinstance(norm, Normalization) else (-6.0, 4.0)
        return mean + std * torch.randn(*shape, exported.mel_bins, generator=random)
    level = 10 ** (-2 * torch.rand(shape[0], 1, generator=random))
    return level * (2 * torch.rand(shape, generator=random) - 1)


def _expected(model: AudioModel, signal: np.ndarray) -> Outputs:
    """Return the outputs for one clip, (samples,) or (frames, mel)."""
    log_mel = signal if signal.ndim == 2 else log_mel_of(signal, model.fbank)
    batch = padded([model.normalization(log_mel)], model.fill, torch.device("cpu"))
    outputs = {
        "embedding": embeddings(model.network, None, -1)(batch)[0],
        "frames": frame_embeddings(model.network, -1, "mean")(batch)[0],
    }
    if isinstance(model.network, Head):
        outputs["logits"] = class_outputs([model.network])(batch)[0]
    outputs["valid"] = torch.ones(len(outputs["frames"]), dtype=torch.bool)
    return {name: value.numpy() for name, value in outputs.items()}


def differences(run: Run, compared: list[Case]) -> dict[str, float]:
    """Return the largest difference of each output, relative to its largest value if above 1.

    Args:
        run: the exported model, reloaded
        compared: what it is given and must return

    Raises:
        InputError: if an output has another shape.
    """
    largest: dict[str, float] = {}
    for case in compared:
        found = run(case.signal, case.lengths)
        for row, expected in enumerate(case.expected):
            for name, values in expected.items():
                difference = _difference(found[name][row], values, name)
                largest[name] = max(largest.get(name, 0.0), difference)
    return largest


def _difference(found: np.ndarray, expected: np.ndarray, name: str) -> float:
    """Return the largest difference; rows of `found` after those of `expected` are padding."""
    if found[: len(expected)].shape != expected.shape:
        raise InputError(f"{name} of shape {found.shape}, expected {expected.shape}")
    if name == "valid":  # all that is expected is true, and padding is false
        return float(found.sum() != len(expected) or not found[: len(expected)].all())
    difference = np.abs(found[: len(expected)] - expected).max() / max(1, np.abs(expected).max())
    return float(difference) if np.isfinite(difference) else float("inf")


def confirm(out: Path, run: Run, compared: list[Case], precision: Precision = "float32") -> None:
    """Print how far an exported model is from asda.

    Args:
        out: its name, for messages
        run: the exported model, reloaded
        compared: what it is given and must return
        precision: numbers of its weights, which decide how large differences may be

    Raises:
        InputError: if the difference is larger.
    """
    largest = differences(run, compared)
    said = ", ".join(f"{name} {value:.1e}" for name, value in largest.items() if name != "valid")
    tolerance = TOLERANCES[precision]
    if max(largest.values()) > tolerance:
        raise InputError(
            f"{out}: not written, since the exported model differs from asda's by more than"
            f" {tolerance:g} ({said}); report this with the output of asda info"
        )
    batches = " and ".join(str(len(case.lengths)) for case in compared)
    print(f"compared with asda, in batches of {batches} clips: largest differences {said}")
