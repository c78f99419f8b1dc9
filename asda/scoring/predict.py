"""Logits of a classifier for the clips of a data directory."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import nn

from asda.dataset.clips import Clips
from asda.dataset.collate import Batch
from asda.dataset.loaders import scoring_loader, window_loader
from asda.distributed import Process, gather
from asda.model.heads import combined_windows


@torch.no_grad()
def predict(model: nn.Module, clips: Clips, process: Process, output: str = "linear") -> np.ndarray:
    """Return logits (clips, classes) float32 in the order of `clips.utterances`.

    Every clip is scored once, over all processes; each process gets all logits. Clips that are
    longer than `data.max_frames` are scored in windows (docs/algorithm.md#long-clips).

    Args:
        model: gives logits (batch, classes) from features and real frames
        clips: clips, with or without labels
        process: this process
        output: meaning of the logits, as in `SavedModel.output`, by which windows are combined
    """
    model.eval()
    found = []
    for loader in (scoring_loader, window_loader):
        batches = loader(clips, process.rank, process.world_size)
        found += _outputs(model, batches, process.device)
    parts = [part for one in gather(found) for part in one]
    row_of = {utterance: row for row, utterance in enumerate(clips.utterances)}
    rows = np.array([row_of[utterance] for utterances, _ in parts for utterance in utterances])
    return _per_clip(rows, np.concatenate([logits for _, logits in parts]), len(clips), output)


def _outputs(
    model: nn.Module, batches: Iterable[Batch], device: torch.device
) -> list[tuple[list[str], np.ndarray]]:
    """Return utterances and logits (batch, classes) float32 of each batch."""
    found = []
    for batch in batches:
        batch = batch.to(device)
        logits = model(batch.features, batch.num_frames).float().cpu().numpy()
        found.append((batch.utterances, logits))
    return found


def _per_clip(rows: np.ndarray, logits: np.ndarray, clips: int, output: str) -> np.ndarray:
    """Return the logits of each clip, (clips, classes), from those of its windows.

    Args:
        rows: clip of each window, (windows,) int64
        logits: (windows, classes) float32
        clips: number of clips, all of which have a window
        output: as in `predict`
    """
    order = np.argsort(rows, kind="stable")
    counts = np.bincount(rows, minlength=clips)
    firsts = np.cumsum(counts) - counts
    scores = logits[order[firsts]]
    for clip in np.flatnonzero(counts > 1):
        windows = order[firsts[clip] : firsts[clip] + counts[clip]]
        scores[clip] = combined_windows(torch.from_numpy(logits[windows]), output)
    return scores
