"""Parts of utterances, given by their times, and the rows of their features."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from asda.corpus.datadir import read_table
from asda.files import InputError, numbered_lines


class Part(NamedTuple):
    """A part of an utterance; times in seconds from the beginning of the utterance."""

    utterance: str
    start: float
    end: float


def read_parts(path: Path, known: Collection[str]) -> dict[str, Part]:
    """Return name -> part, from lines `name utterance start end`.

    Args:
        path: the file
        known: utterances

    Raises:
        InputError: naming the line, if it has another form, repeats a name, is of an unknown
            utterance, or has impossible times.
    """
    parts: dict[str, Part] = {}
    utterances = frozenset(known)
    for number, line in numbered_lines(path):
        try:
            name, utterance, start, end = line.split()
            part = Part(utterance, float(start), float(end))
        except ValueError:
            reason = f"expected 'part utterance start end', found '{line}'"
            raise InputError(f"{path}:{number}: {reason}") from None
        if not 0 <= part.start < part.end < math.inf:
            raise InputError(
                f"{path}:{number}: '{name}' from {start} to {end} s: it must begin at 0 s or later,"
                " and end after that; correct its times"
            )
        if utterance not in utterances or name in parts:
            fault = "duplicate part" if name in parts else f"no utterance '{utterance}' for"
            raise InputError(f"{path}:{number}: {fault} '{name}'; remove the line")
        parts[name] = part
    if not parts:
        raise InputError(f"{path}: empty; it needs lines 'part utterance start end'")
    return parts


def read_texts(path: Path, parts: Collection[str]) -> dict[str, str]:
    """Return the transcripts of parts, which may be empty.

    Raises:
        InputError: unless the file has a line for each part and no others.
    """
    texts = read_table(path, values=False)
    for name in sorted(texts.keys() ^ set(parts)):
        fault = "is no part of this list" if name in texts else "has no transcript"
        raise InputError(f"{path}: '{name}' {fault}; both files need the same names")
    return texts


def frames_of_parts(
    parts: Mapping[str, Part], shift: float, counts: Mapping[str, float]
) -> dict[str, range]:
    """Return name -> frames, counted from 0 at the beginning of the utterance, as Kaldi does.

    A part begins with the frame nearest to its start. The next one could begin with the frame
    after its last. What lies beyond the last frame of the utterance is left out.

    Args:
        parts: name -> part
        shift: seconds from one frame to the next
        counts: utterance -> number of frames
    """
    return {
        name: range(
            int(start / shift + 0.5),
            min(int(end / shift - 0.5) + 1, int(counts.get(utterance, 0))),
        )
        for name, (utterance, start, end) in parts.items()
    }


def rows_of(specifier: str, rows: range) -> str:
    """Return the value of feats.scp for some rows of a matrix.

    Ranges of rows and columns are Kaldi's, `[first:last,first:last]`, with the last one included.

    Args:
        specifier: the value for the whole matrix, which may be a range of a larger one
        rows: counted within the matrix
    """
    found = re.fullmatch(r"(.+)\[(?:(\d+):\d+)?(,\d*:\d*)?\]", specifier)
    matrix, before, columns = found.groups() if found else (specifier, None, None)
    first = int(before or 0)
    return f"{matrix}[{first + rows[0]}:{first + rows[-1]}{columns or ''}]"
