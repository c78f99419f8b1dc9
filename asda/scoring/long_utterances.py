"""Outputs of a CTC head for utterances that are longer than the input of the model."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch import Tensor

from asda.dataset.clips import Clips
from asda.dataset.feature_sources import naming
from asda.decoding.joined_windows import Part
from asda.distributed import Process
from asda.features.view import normalised_view
from asda.inference.feature_windows import Windowing, overlapping, windows_of
from asda.inference.model_input import padded
from asda.inference.transcriber import unit_log_probs
from asda.model.ctc_head import CtcHead


def long_outputs(
    model: CtcHead, clips: Clips, process: Process
) -> Iterator[tuple[str, list[Part]]]:
    """Yield the long utterances of this process with what `decoded` takes of their windows.

    Args:
        model: the trained head
        clips: all clips
        process: this process
    """
    compute = unit_log_probs(model)
    stride = model.encoder.patches.patch.time_stride
    windowing = overlapping(clips.config.max_frames, stride)
    for row in np.flatnonzero(clips.longer)[process.rank :: process.world_size]:
        utterance = clips.utterances[row]
        windows = _windows(clips, utterance, windowing)
        outputs: list[Tensor] = []
        for first in range(0, len(windows), clips.config.batch_size):
            chosen = [rows for _, rows in windows[first : first + clips.config.batch_size]]
            outputs += compute(padded(chosen, None, process.device))
        steps = [start // stride * model.steps_per_patch for start, _ in windows]
        yield (
            utterance,
            [(step, rows.cpu().numpy()) for step, rows in zip(steps, outputs, strict=True)],
        )


def _windows(clips: Clips, utterance: str, windowing: Windowing) -> list[tuple[int, np.ndarray]]:
    """Return the windows of a clip: first frame, and normalised features (frames, mel) float32."""
    with naming(utterance):
        matrix = clips.features.features(utterance)
        frames = np.arange(matrix.shape[0])[:, None]
        return [
            (start, normalised_view(matrix, start, len(rows), clips.normalization).read())
            for start, rows, _ in windows_of([frames], windowing)
        ]
