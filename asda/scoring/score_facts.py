"""Entries of result.json about a model and the clips that it has scored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from asda.checkpoint.saved_model import SavedModel
from asda.dataset.clips import Clips
from asda.scoring.metrics import METRICS, is_single_label, measure
from asda.scoring.predictions import ScoredClips


def selection_metric(saved: SavedModel, scored: ScoredClips) -> str | None:
    """Return the metric by which the model was chosen, if the scored clips have it."""
    metric = saved.facts.get("metric")
    if metric not in METRICS or (metric == "accuracy" and not is_single_label(scored.targets)):
        return None
    return str(metric)


def window_counts(clips: Clips, saved: SavedModel) -> dict[str, Any]:
    """Return how many clips are longer than the input of the model, and how they were scored."""
    frames, shift = clips.config.max_frames, saved.fbank.get("frame_shift_ms")
    return {
        "longer": int(clips.longer.sum()),
        "max_frames": frames,
        "seconds": None if shift is None else frames * shift / 1000,
        "scored": clips.config.long_clips,
    }


def untrained_classes(names: Sequence[str], scored: ScoredClips) -> dict[str, Any]:
    """Return the entry about classes without training clips, with the mAP of all others.

    Args:
        names: these classes; without any, there is no entry
        scored: the scored clips
    """
    if not names:
        return {}
    trained = ~np.isin(scored.labels, names)
    others = measure(scored.scores[:, trained], scored.targets[:, trained])
    clips = int(scored.targets[:, ~trained].any(axis=1).sum())
    return {"untrained": {"classes": list(names), "clips": clips, "mAP_of_others": others["mAP"]}}
