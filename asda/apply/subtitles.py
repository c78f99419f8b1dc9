"""Subtitles: cues of a readable length, and their two formats, SubRip (srt) and WebVTT (vtt)."""

from __future__ import annotations

import html
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from asda.apply.rows import Row

WIDEST_LINE = 42  # characters
MOST_SECONDS = 7.0  # of a cue
LEAST_SECONDS = 1.0  # that a cue is shown, unless the next one begins earlier
Words = Sequence[dict[str, Any]]  # {"word": str, "start": seconds, "end": seconds, ...}


class Cue(NamedTuple):
    """What is shown at once.

    Args:
        start: in seconds
        end: in seconds
        lines: one or two
    """

    start: float
    end: float
    lines: list[str]


def srt_lines(rows: Sequence[Row]) -> list[str]:
    """Return the lines of a SubRip file: numbered cues, with a comma before milliseconds."""
    lines: list[str] = []
    for number, cue in enumerate(_cues(rows), 1):
        times = f"{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}"
        lines += [str(number), times, *cue.lines, ""]
    return lines


def vtt_lines(rows: Sequence[Row]) -> list[str]:
    """Return the lines of a WebVTT file after its header, with a dot before milliseconds."""
    lines: list[str] = []
    for cue in _cues(rows):
        text = [html.escape(line, quote=False) for line in cue.lines]
        lines += ["", f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}", *text]
    return lines


def _cues(rows: Sequence[Row]) -> list[Cue]:
    """Return the cues of transcribed recordings; none is shown when the next one begins."""
    groups = [
        group for row in rows for segment in row["segments"] for group in _divided(segment["words"])
    ]
    starts = [group[0]["start"] for group in groups]
    cues = []
    for group, following in itertools.zip_longest(groups, starts[1:]):
        start, end = group[0]["start"], group[-1]["end"]
        longer = max(end, start + LEAST_SECONDS)
        cues.append(
            Cue(start, longer if following is None else min(longer, following), _lines(group))
        )
    return cues


def _divided(words: Words) -> Iterator[Words]:
    """Yield the words of each cue: those of a segment, divided at its longest pauses."""
    if len(words) == 1 or _fits(words):
        yield words
        return
    quarter = len(words) // 4  # no cue of a few words only
    places = range(max(1, quarter), max(2, len(words) - quarter))
    place = max(places, key=lambda at: words[at]["start"] - words[at - 1]["end"])
    yield from _divided(words[:place])
    yield from _divided(words[place:])


def _fits(words: Words) -> bool:
    seconds = words[-1]["end"] - words[0]["start"]
    return seconds <= MOST_SECONDS and max(map(len, _lines(words))) <= WIDEST_LINE


def _lines(words: Words) -> list[str]:
    """Return one line if it is not too long, else the two lines of which the longer is shortest."""
    texts = [word["word"] for word in words]
    whole = " ".join(texts)
    if len(whole) <= WIDEST_LINE or len(texts) == 1:
        return [whole]
    pairs = [[" ".join(texts[:at]), " ".join(texts[at:])] for at in range(1, len(texts))]
    return min(pairs, key=lambda pair: max(map(len, pair)))


def _clock(seconds: float, point: str) -> str:
    """Return hours, minutes, seconds and milliseconds: 01:02:03,456."""
    minutes, milliseconds = divmod(round(seconds * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    whole, thousandths = divmod(milliseconds, 1000)
    return f"{hours:02}:{minutes:02}:{whole:02}{point}{thousandths:03}"
