"""Whether an exported model computes what asda computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from asda.checkpoint.saved_model import SavedModel
from asda.export.export_options import ExportOptions
from asda.export.exported_model import ExportedModel, fbank_config
from asda.features.fbank import Fbank
from asda.features.matrix import Values
from asda.features.normalization import Normalization
from asda.features.view import FeatureView
from asda.files import InputError
from asda.model.classifier import Classifier
from asda.model.heads import Head
from asda.model.pooling import pool

TOLERANCE = 1e-4  # relative to the largest value of an output if that is above 1

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
def cases(model: ExportedModel, saved: SavedModel, options: ExportOptions) -> list[Case]:
    """Return batches of one clip and of three, with lengths from the shortest to the longest.

    What is expected is computed as `asda score` computes it: the features by `Fbank`, and each
    clip alone.
    """
    random = torch.Generator().manual_seed(0)
    middle = (model.least + model.longest) // 2
    found = []
    for lengths in ([model.least], [middle, model.longest, 3 * middle // 4]):
        signal = _signal(saved, options, len(lengths), max(lengths), random)
        expected = [
            _expected(model, saved, row[:length])
            for row, length in zip(signal, lengths, strict=True)
        ]
        found.append(Case(signal, torch.tensor(lengths), expected))
    return found


def _signal(
    saved: SavedModel, options: ExportOptions, batch: int, length: int, random: torch.Generator
) -> Tensor:
    """Return log-mel-like values, or noise whose level varies by 40 dB from clip to clip."""
    if options.inputs == "features":
        mean, std = saved.normalization["mean"], saved.normalization["std"]
        return mean + std * torch.randn(batch, length, saved.config.mel_bins, generator=random)
    level = 10 ** (-2 * torch.rand(batch, 1, generator=random))
    return level * (2 * torch.rand(batch, length, generator=random) - 1)


def _expected(model: ExportedModel, saved: SavedModel, signal: Tensor) -> Outputs:
    """Return the outputs for one clip, (samples,) or (frames, mel)."""
    log_mel = signal if signal.ndim == 2 else Fbank(fbank_config(saved))(signal)
    norm = Normalization(**saved.normalization)
    view = FeatureView(
        Values(log_mel.numpy()), 0, model.fill_to or len(log_mel), norm.scale, norm.offset
    )
    features = torch.from_numpy(view.read())[None]
    network = model.network
    *_, last = model.encoder.layers(features)
    tokens = last.patches.unflatten(1, (-1, model.encoder.patches.num_freq))
    outputs = {"frames": tokens.mean(2)}
    is_classifier = isinstance(network, Classifier)
    outputs["embedding"] = network.embed(features) if is_classifier else pool(last, "mean")
    if isinstance(network, Head):
        outputs["logits"] = network(features)
    return {name: value[0].numpy() for name, value in outputs.items()}


def differences(run: Run, compared: list[Case]) -> dict[str, float]:
    """Return the largest difference of each output, relative to its largest value if above 1.

    Args:
        run: the exported model, reloaded
        compared: what it is given and must return

    Raises:
        InputError: if an output is missing or has another shape.
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
    difference = np.abs(found[: len(expected)] - expected).max() / max(1, np.abs(expected).max())
    return float(difference) if np.isfinite(difference) else float("inf")


def confirm(out: object, run: Run, compared: list[Case], tolerance: float = TOLERANCE) -> None:
    """Print how far an exported model is from asda.

    Args:
        out: its name, for messages
        run: the exported model, reloaded
        compared: what it is given and must return
        tolerance: largest difference, as in `differences`

    Raises:
        InputError: if the difference is larger.
    """
    largest = differences(run, compared)
    said = ", ".join(f"{name} {value:.1e}" for name, value in largest.items())
    batches = " and ".join(str(len(case.lengths)) for case in compared)
    if max(largest.values()) > tolerance:
        raise InputError(
            f"{out}: not written, since the exported model differs from asda's by more than"
            f" {tolerance:g} ({said}); report this model and the versions of its programs"
        )
    print(f"compared with asda, in batches of {batches} clips: largest differences {said}")
