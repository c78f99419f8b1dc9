"""Logits of a classifier for the clips of a data directory."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from asda.dataset.clips import Clips
from asda.dataset.loaders import scoring_loader
from asda.distributed import Process, gather


@torch.no_grad()
def predict(model: nn.Module, clips: Clips, process: Process) -> np.ndarray:
    """Return logits (clips, classes) float32 in the order of `clips.utterances`.

    Every clip is scored once, over all processes; each process gets all logits.

    Args:
        model: gives logits (batch, classes) from features and real frames
        clips: clips, with or without labels
    """
    model.eval()
    rows: list[int] = []
    logits: list[np.ndarray] = []
    row_of = {utterance: row for row, utterance in enumerate(clips.utterances)}
    for batch in scoring_loader(clips, process.rank, process.world_size):
        batch = batch.to(process.device)
        logits.append(model(batch.features, batch.num_frames).float().cpu().numpy())
        rows += [row_of[utterance] for utterance in batch.utterances]
    parts = [part for part in gather((rows, logits)) if part[0]]
    scores = np.zeros((len(clips), parts[0][1][0].shape[1]), dtype=np.float32)
    for part_rows, part_logits in parts:
        scores[part_rows] = np.concatenate(part_logits)
    return scores
