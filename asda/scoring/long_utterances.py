"""Outputs of a CTC head for utterances that are longer than the input of the model."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from asda.dataset.clips import Clips
from asda.dataset.feature_sources import naming
from asda.distributed import Process
from asda.features.view import FeatureView
from asda.inference.feature_windows import cut, overlapping
from asda.inference.model_input import padded
from asda.inference.stitching import stitched
from asda.model.ctc_head import CtcHead


def long_outputs(model: CtcHead, clips: Clips, process: Process) -> Iterator[tuple[str, Tensor]]:
    """Yield the long utterances of this process with their logits (steps, units) float32.

    Utterances are computed by windows that overlap by an eighth. Each window gives the half of the
    overlap that is further from its border, where the model hears what comes before and after.

    Args:
        model: the trained head
        clips: all clips
        process: this process
    """
    patch = model.encoder.patches.patch
    windowing = overlapping(clips.config.max_frames, patch.time_stride)
    for row in np.flatnonzero(clips.longer)[process.rank :: process.world_size]:
        utterance = clips.utterances[row]
        windows = list(cut([_features(clips, utterance)], windowing))
        outputs: list[Tensor] = []
        for first in range(0, len(windows), clips.config.batch_size):
            chosen = [rows for _, rows, _ in windows[first : first + clips.config.batch_size]]
            outputs += _outputs(model, chosen, process.device)
        starts = [start // patch.time_stride * model.steps_per_patch for start, *_ in windows]
        yield utterance, stitched(list(zip(starts, outputs, strict=True)))


def _features(clips: Clips, utterance: str) -> np.ndarray:
    """Return the normalised features of a whole clip, (frames, mel) float32."""
    norm = clips.normalization
    with naming(utterance):
        matrix = clips.features.features(utterance)
        return FeatureView(matrix, 0, matrix.shape[0], norm.scale, norm.offset).read()


def _outputs(model: CtcHead, windows: list[np.ndarray], device: torch.device) -> list[Tensor]:
    """Return the logits of each window, (steps, units) float32 on the CPU."""
    batch = padded(windows, None, device)
    logits = model(batch.features, batch.num_frames)
    steps = model.valid_steps(logits, batch.num_frames).tolist()
    on_cpu = logits.float().cpu()
    return [rows[:count] for rows, count in zip(on_cpu, steps, strict=True)]
