"""What a CTC model recognises in the clips of a data directory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from asda.dataset.clips import Clips
from asda.dataset.loaders import scoring_loader
from asda.decoding.hypothesis import Hypothesis
from asda.decoding.joined_windows import decoded
from asda.distributed import Process, gather
from asda.model.ctc_head import CtcHead
from asda.scoring.long_utterances import long_outputs

Decoder = Callable[[np.ndarray], Hypothesis]


@torch.no_grad()
def recognise(
    model: CtcHead, clips: Clips, process: Process, decode: Decoder
) -> dict[str, Hypothesis]:
    """Return utterance -> hypothesis; each process decodes a part of the clips and gets all.

    Args:
        model: the trained head
        clips: those longer than the longest input of the model are computed in windows, which
            are cut at blanks
        process: this process
        decode: natural-log probabilities (steps, units) float32 of an utterance -> hypothesis
    """
    model.eval()
    longer = {clips.utterances[row] for row in np.flatnonzero(clips.longer)}
    found: dict[str, Hypothesis] = {}
    for batch in scoring_loader(clips, process.rank, process.world_size):
        batch = batch.to(process.device)
        logits = model(batch.features, batch.num_frames)
        steps = model.valid_steps(logits, batch.num_frames).tolist()
        log_probs = logits.float().log_softmax(-1).cpu().numpy()
        for utterance, rows, count in zip(batch.utterances, log_probs, steps, strict=True):
            if utterance not in longer:
                found[utterance] = decode(rows[:count])
    for utterance, windows in long_outputs(model, clips, process):
        found[utterance] = decoded(windows, decode).hypothesis
    return {name: one for part in gather(found) for name, one in part.items()}
