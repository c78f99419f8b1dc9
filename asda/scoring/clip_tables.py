"""Tables with a row per clip, which name the audio of each."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from asda.audio.wav_scp import AudioSegment, split_source
from asda.corpus.datadir import DataDir
from asda.files import numbered_lines
from asda.scoring.tables import write_tsv

PREDICTIONS = "predictions.tsv"  # of a classifier
HYPOTHESES = "hypotheses.tsv"  # of speech recognition
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


def place_of(segment: AudioSegment | None) -> Row:
    """Return file, start and end in seconds; start and end are None for a whole file."""
    if segment is None:
        return {"file": None, "start": None, "end": None}
    whole = segment.start == 0 and segment.end is None
    return {"file": segment.source, "start": None if whole else segment.start, "end": segment.end}


def write_clip_table(path: Path, rows: Sequence[Row]) -> None:
    """Write a row per clip, tab-separated with a header; floats have six digits."""
    write_tsv(path, list(rows[0]), [map(_rounded, row.values()) for row in rows])


def _rounded(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value


def read_sources(folder: Path) -> dict[str, AudioSegment]:
    """Return utterance -> its audio from the table of clips in a score folder, if there is one."""
    found = [folder / name for name in (PREDICTIONS, HYPOTHESES) if (folder / name).is_file()]
    if not found:
        return {}
    lines = [line.split("\t") for _, line in numbered_lines(found[0])]
    table = [dict(zip(lines[0], line, strict=False)) for line in lines[1:]]
    return {
        row["utterance"]: AudioSegment(
            row["file"], float(row["start"] or 0), float(row["end"]) if row["end"] else None
        )
        for row in table
        if row["file"]
    }


def times_of(row: Row) -> str:
    """Return the times of a segment in words, nothing for a whole file."""
    if row["start"] is None:
        return ""
    end = "the end" if row["end"] is None else f"{row['end']:g} s"
    return f"{row['start']:g} s to {end}"


def link_to(row: Row) -> str:
    """Return the utterance as a link to its audio, with the times of a segment."""
    if row["file"] is None:
        return str(row["utterance"])
    times = f", {found}" if (found := times_of(row)) else ""
    if not _is_file(row["file"]):
        return f"{row['utterance']} (`{row['file']}`{times})"
    target = row["file"].replace("<", "%3C").replace(">", "%3E")
    return f"[{row['utterance']}](<{target}>){times}"
