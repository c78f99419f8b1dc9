"""Transcriptions as text: on a terminal, JSON Lines, subtitles, files of NIST and Kaldi."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from asda.apply.rows import Row, RowFormat, json_lines, name_column
from asda.apply.subtitles import srt_lines, vtt_lines

# A row is a whole input, with its text and its segments of words:
# "text": str, "segments": [{"start": seconds, "end": seconds, "text": str,
#   "words": [{"word": str, "start": seconds, "end": seconds, "confidence": float}, ...]}, ...]

CHANNEL = 1  # of ctm; the channels of a recording are averaged


def transcript_formats(names: Sequence[str]) -> dict[str, RowFormat]:
    """Return all formats by name.

    Args:
        names: of all inputs, which give the width of their column on a terminal
    """
    return {
        "table": table_format(names),
        "jsonl": RowFormat(json_lines),
        "srt": RowFormat(srt_lines, suffix=".srt"),
        "vtt": RowFormat(vtt_lines, "WEBVTT", suffix=".vtt"),
        "ctm": RowFormat(_ctm_lines, order=key_of),
        "text": RowFormat(_text_lines, order=key_of),
        "trn": RowFormat(_trn_lines, order=key_of),
    }


def table_format(names: Sequence[str]) -> RowFormat:
    """Return the format of the terminal: a line for each segment."""
    name = name_column(names)

    def lines(row: Row) -> list[str]:
        silent = [{"start": row["start"], "end": row["end"], "text": ""}]
        return [
            f"{name(row)}  {one['start']:9.2f} {one['end']:9.2f} s  {one['text']}".rstrip()
            for one in row["segments"] or silent
        ]

    return RowFormat(lambda rows: [line for row in rows for line in lines(row)])


def key_of(row: Row) -> str:
    """Return the name of an input in the files of NIST and Kaldi, which ends at white space."""
    return row.get("utterance") or file_key(row["file"])


def file_key(file: str) -> str:
    """Return the path of a file without suffix, with an underscore for each white space."""
    return re.sub(r"\s", "_", os.path.splitext(file)[0])


def _ctm_lines(rows: Sequence[Row]) -> list[str]:
    """Return name, channel, start, duration, word and confidence, as sclite of NIST reads them."""
    return [
        f"{key_of(row)} {CHANNEL} {word['start'] - row['start']:.3f}"
        f" {word['end'] - word['start']:.3f} {word['word']} {word['confidence']:.4f}"
        for row in rows
        for segment in row["segments"]
        for word in segment["words"]
    ]


def _text_lines(rows: Sequence[Row]) -> list[str]:
    return [f"{key_of(row)} {row['text']}".rstrip() for row in rows]


def _trn_lines(rows: Sequence[Row]) -> list[str]:
    """Return the words and, in brackets, the name of each input, as sclite of NIST reads them."""
    return [f"{row['text']} ({key_of(row)})".lstrip() for row in rows]
