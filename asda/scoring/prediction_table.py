"""predictions.tsv: the prediction for each clip, the most confident errors first."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from asda.audio.wav_scp import AudioSegment, split_source
from asda.corpus.datadir import DataDir
from asda.files import atomic_write, numbered_lines
from asda.scoring.metrics import is_single_label
from asda.scoring.predictions import ScoredClips
from asda.scoring.tables import markdown_table

NAME = "predictions.tsv"
THRESHOLD = 0.5  # of the probability, if clips may have any number of labels
SHOWN_ERRORS = 20  # in RESULTS.md and in the report
Row = dict[str, Any]
Sources = Mapping[str, AudioSegment]


def audio_files(directory: str | Path) -> dict[str, AudioSegment]:
    """Return utterance -> its audio, with absolute paths; nothing without wav.scp."""
    data = DataDir(directory)
    if not data.has("wav.scp"):
        return {}
    return {
        utterance: segment._replace(source=os.path.abspath(segment.source))
        if _is_file(segment.source)
        else segment
        for utterance, segment in data.audio_sources().items()
    }


def _is_file(source: str) -> bool:
    """Return whether a source is a whole file, not a command or a place in an archive."""
    path, place = split_source(source)
    return path is not None and place is None


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
        rows.append({"utterance": utterance, **_place(sources.get(utterance)), **predicted})
    return rows


def _place(segment: AudioSegment | None) -> Row:
    """Return file, start and end in seconds; start and end are None for a whole file."""
    if segment is None:
        return {"file": None, "start": None, "end": None}
    whole = segment.start == 0 and segment.end is None
    return {"file": segment.source, "start": None if whole else segment.start, "end": segment.end}


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


def write_predictions(folder: Path, rows: Sequence[Row]) -> None:
    """Write predictions.tsv into a score folder."""
    with atomic_write(folder / NAME) as stream:
        for cells in (list(rows[0]), *(row.values() for row in rows)):
            stream.write("\t".join(map(_cell, cells)) + "\n")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value).replace("\t", " ")


def read_sources(folder: Path) -> dict[str, AudioSegment]:
    """Return utterance -> its audio from predictions.tsv of a score folder, if there is one."""
    if not (folder / NAME).is_file():
        return {}
    lines = [line.split("\t") for _, line in numbered_lines(folder / NAME)]
    table = [dict(zip(lines[0], line, strict=False)) for line in lines[1:]]
    return {
        row["utterance"]: AudioSegment(
            row["file"], float(row["start"] or 0), float(row["end"]) if row["end"] else None
        )
        for row in table
        if row["file"]
    }


def error_sections(rows: Sequence[Row]) -> list[str]:
    """Return the part of RESULTS.md about the most confident errors, with links to their audio."""
    errors = [row for row in rows[:SHOWN_ERRORS] if is_wrong(row)]
    if not errors:
        return []
    columns = [name for name in errors[0] if name not in ("utterance", "file", "start", "end")]
    cells = [(_link(row), *(_shown(row[name]) for name in columns)) for row in errors]
    wrong = sum(map(is_wrong, rows))
    note = f"`{NAME}` lists all {len(rows)} clips in this order, {wrong} of them with errors."
    return ["## The most confident errors", markdown_table(["clip", *columns], cells), note]


def is_wrong(row: Row) -> bool:
    """Return whether the prediction for a clip has an error."""
    return bool(row["true"] != row["predicted"])


def _shown(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def times_of(row: Row) -> str:
    """Return the times of a segment in words, nothing for a whole file."""
    if row["start"] is None:
        return ""
    end = "the end" if row["end"] is None else f"{row['end']:g} s"
    return f"{row['start']:g} s to {end}"


def _link(row: Row) -> str:
    """Return the utterance as a link to its audio, with the times of a segment."""
    if row["file"] is None:
        return str(row["utterance"])
    times = f", {found}" if (found := times_of(row)) else ""
    if not _is_file(row["file"]):
        return f"{row['utterance']} (`{row['file']}`{times})"
    target = row["file"].replace("<", "%3C").replace(">", "%3E")
    return f"[{row['utterance']}](<{target}>){times}"
