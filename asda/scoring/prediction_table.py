"""predictions.tsv: the prediction for each clip, the most confident errors first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from asda.scoring.clip_tables import PREDICTIONS, Row, Sources, link_to, place_of
from asda.scoring.metrics import is_single_label
from asda.scoring.predictions import ScoredClips
from asda.scoring.tables import markdown_table

THRESHOLD = 0.5  # of the probability, if clips may have any number of labels
SHOWN_ERRORS = 20  # in RESULTS.md and in the report


def prediction_rows(scored: ScoredClips, sources: Sources) -> list[Row]:
    """Return a row per clip, columns as in docs/files.md, the most confident errors first.

    With one label per clip the margin is the probability of the true class minus that of the best
    other class. Otherwise it is that of the worst decision at the threshold 0.5: the probability
    of a true class minus 0.5, or 0.5 minus that of another class. Below 0 it is an error.

    Args:
        scored: the clips
        sources: utterance -> its audio, where it is known
    """
    columns, wrong = (_one_label if is_single_label(scored.targets) else _any_labels)(scored)
    rows = []
    for clip in np.lexsort((scored.utterances, columns["margin"], ~wrong)):
        utterance = str(scored.utterances[clip])
        predicted = {name: column[clip] for name, column in columns.items()}
        rows.append({"utterance": utterance, **place_of(sources.get(utterance)), **predicted})
    return rows


def _one_label(scored: ScoredClips) -> tuple[dict[str, Any], np.ndarray]:
    """Return the columns of clips with one label each, and which clips are wrong, (clips,) bool."""
    probabilities, clips = scored.probabilities(), np.arange(len(scored))
    true, predicted = scored.targets.argmax(axis=1), scored.scores.argmax(axis=1)
    others = np.where(scored.targets, 0.0, probabilities)
    columns = {
        "true": scored.labels[true],
        "predicted": scored.labels[predicted],
        "score": probabilities[clips, predicted],
        "margin": probabilities[clips, true] - others.max(axis=1),
    }
    return columns, true != predicted


def _any_labels(scored: ScoredClips) -> tuple[dict[str, Any], np.ndarray]:
    """Return the columns of clips with any number of labels, and which clips are wrong."""
    probabilities, clips = scored.probabilities(), np.arange(len(scored))
    true, predicted = scored.targets.astype(bool), probabilities >= THRESHOLD
    margins = np.where(true, probabilities - THRESHOLD, THRESHOLD - probabilities)
    worst = margins.argmin(axis=1)
    columns = {
        "true": _named(true, scored.labels),
        "predicted": _named(predicted, scored.labels),
        "missed": _named(true & ~predicted, scored.labels),
        "false": _named(predicted & ~true, scored.labels),
        "worst": scored.labels[worst],
        "score": probabilities[clips, worst],
        "margin": margins[clips, worst],
    }
    return columns, (true != predicted).any(axis=1)


def _named(chosen: np.ndarray, labels: np.ndarray) -> list[str]:
    """Return the labels chosen for each clip, separated by spaces as in utt2label."""
    return [" ".join(labels[row]) for row in chosen]


def error_sections(rows: Sequence[Row]) -> list[str]:
    """Return the part of RESULTS.md about the most confident errors, with links to their audio."""
    errors = [row for row in rows[:SHOWN_ERRORS] if is_wrong(row)]
    if not errors:
        return []
    columns = [name for name in errors[0] if name not in ("utterance", "file", "start", "end")]
    cells = [(link_to(row), *(_shown(row[name]) for name in columns)) for row in errors]
    wrong = sum(map(is_wrong, rows))
    note = (
        f"`{PREDICTIONS}` lists all {len(rows)} clips in this order, {wrong} of them with errors."
    )
    return ["## The most confident errors", markdown_table(["clip", *columns], cells), note]


def is_wrong(row: Row) -> bool:
    """Return whether the prediction for a clip has an error."""
    return bool(row["true"] != row["predicted"])


def _shown(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
