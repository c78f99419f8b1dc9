"""Describe a corpus on one screen: hours, sample rates, formats, classes, identical audio."""

from __future__ import annotations

import os
import statistics
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from asda.audio.wav_scp import AudioSegment, is_command
from asda.corpus.datadir import DataDir
from asda.corpus.edit.aligned import (
    aligned,
    cut_middle,
    percent,
    percentages,
    shorten,
)
from asda.corpus.edit.audio_headers import AudioHeader, read_headers
from asda.corpus.edit.identical_audio import TimeLimitError, identical_audio
from asda.files import counted, listed, readable_duration

WIDTH = 80  # columns of a terminal
LIMIT = 20.0  # seconds for reading headers, and again for comparing audio
CLASSES = 10  # rows of the table of classes
SET_COLUMNS = 6  # most sets that have columns of their own in it
NAMED = 3  # names that a line lists

Headers = Mapping[str, AudioHeader | None]


class Features(NamedTuple):
    """What features keep of the audio.

    Args:
        rate: sample rate in Hz
        bins: number of mel bins
        bins_above: frequency in Hz -> number of mel bins above it
    """

    rate: int
    bins: int
    bins_above: Callable[[float], int]


class CorpusSet(NamedTuple):
    """A data directory as far as the summary needs it.

    Args:
        name: the end of its path
        clips: utterance -> audio; empty without wav.scp
        labels: utterance -> its labels, separated by spaces; empty without utt2label
        classes: all classes in their order
    """

    name: str
    clips: dict[str, AudioSegment]
    labels: dict[str, str]
    classes: list[str]


def summary(folders: Sequence[Path], features: Features) -> Iterator[str]:
    """Yield the lines of a summary of data directories that are the sets of one corpus.

    Headers are read and audio is compared for a limited time each; lines say what was left out.

    Raises:
        InputError: if a folder does not exist, or a table in it cannot be read.
    """
    sets = _read_sets(list(dict.fromkeys(folders)))
    sources = {clip.source for one in sets for clip in one.clips.values()}
    headers = read_headers(sources, LIMIT)
    titles = ["set", "clips", "hours", "shortest", "median", "longest"]
    yield from aligned([titles, *(_set_row(one, headers) for one in sets)])
    found = [header for clip in _clips(sets) if (header := headers.get(clip.source))]
    yield from _audio_lines(found)
    yield from _class_table(sets)
    for text in (
        *_missing_classes(sets),
        *_not_read(sets, sources, headers),
        *_low_rates(found, features),
        *_identical_lines(sets),
    ):
        yield from textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def _read_sets(folders: Sequence[Path]) -> list[CorpusSet]:
    common = os.path.commonpath([folder.parent for folder in folders])
    return [
        CorpusSet(
            os.path.relpath(folder, common),
            directory.audio_sources() if directory.has("wav.scp") else {},
            directory.table("utt2label") if directory.has("utt2label") else {},
            directory.labels if directory.has("labels.txt") else [],
        )
        for folder in folders
        for directory in [DataDir(folder)]
    ]


def _clips(sets: Sequence[CorpusSet]) -> Iterator[AudioSegment]:
    return (clip for one in sets for clip in one.clips.values())


def _set_row(one: CorpusSet, headers: Headers) -> list[str]:
    """Return the cells of a set; hours are extrapolated if not all headers were reached."""
    found = [_seconds(clip, headers) for clip in one.clips.values()]
    seconds = [length for length in found if length]
    clips = len(one.clips) or len(one.labels)
    if not seconds:
        return [one.name, f"{clips:,}", *4 * ["-"]]
    unknown = found.count(None)
    hours = sum(seconds) / 3600 * clips / (clips - unknown)
    ends = (min(seconds), statistics.median(seconds), max(seconds))
    lengths = [readable_duration(end, precise=True) for end in ends]
    about = "~" if unknown else ""
    return [one.name, f"{clips:,}", f"{about}{hours:,.2f}", *lengths]


def _seconds(clip: AudioSegment, headers: Headers) -> float | None:
    """Return the duration of a clip; 0 if its audio cannot be read, None if it was not read."""
    if clip.end is not None:
        return clip.end - clip.start
    if clip.source not in headers:
        return None
    header = headers[clip.source]
    return max(0.0, header.seconds - clip.start) if header else 0.0


def _audio_lines(found: Sequence[AudioHeader]) -> Iterator[str]:
    """Yield the sample rates, channels and formats of the clips."""
    rates = Counter(f"{h.rate / 1000:g} kHz" if h.rate else "unknown" for h in found)
    channels = Counter(str(h.channels) if h.channels else "unknown" for h in found)
    formats = Counter(header.format for header in found)
    for title, counts in (("sample rates", rates), ("channels", channels), ("formats", formats)):
        if counts:
            yield f"{title:<14}{percentages(counts)}"


def _class_table(sets: Sequence[CorpusSet]) -> Iterator[str]:
    """Yield clips per class and set, the most frequent classes first."""
    counts = {one.name: _class_counts(one) for one in sets}
    totals = sum(counts.values(), Counter[str]())
    if not totals:
        return
    columns = [*counts.values()] if 1 < len(sets) <= SET_COLUMNS else [totals]
    titles = [*counts] if 1 < len(sets) <= SET_COLUMNS else ["clips"]
    room = WIDTH - sum(2 + max(len(title), 9) for title in titles)
    names = sorted(totals, key=lambda name: (-totals[name], name))
    rows = [[shorten(name, room), *(f"{of[name]:,}" for of in columns)] for name in names]
    several = sum(" " in value for one in sets for value in one.labels.values())
    yield ""
    yield from aligned([["class", *titles], *cut_middle(rows, CLASSES, "classes")])
    more = f"; {counted(several, 'clip')} with several labels" if several else ""
    yield f"{counted(len(totals), 'class', 'classes')}{more}"


def _class_counts(one: CorpusSet) -> Counter[str]:
    counts: Counter[str] = Counter()
    for value, number in Counter(one.labels.values()).items():
        for name in set(value.split()):
            counts[name] += number
    return counts


def _missing_classes(sets: Sequence[CorpusSet]) -> Iterator[str]:
    for one in sets if len(sets) <= SET_COLUMNS else ():
        found = _class_counts(one)
        missing = [name for name in one.classes if not found[name]]
        if missing and found:
            classes = counted(len(missing), "class", "classes")
            yield f"{classes} without clips in {one.name}: {listed(missing, NAMED)}"


def _not_read(sets: Sequence[CorpusSet], sources: set[str], headers: Headers) -> Iterator[str]:
    bad = [
        utterance
        for one in sets
        for utterance, clip in one.clips.items()
        if clip.source in headers and headers[clip.source] is None
    ]
    if bad:
        yield f"{counted(len(bad), 'clip')} with unreadable audio: {listed(bad, NAMED)}"
    commands = sum(map(is_command, sources))
    if commands:
        yield f"{counted(commands, 'command')} in wav.scp, which this summary does not run"
    if len(headers) < len(sources) - commands:
        yield (
            f"only {len(headers):,} of {len(sources):,} headers, chosen at random, were read in "
            f"{LIMIT:g} s; hours are extrapolated"
        )


def _low_rates(found: Sequence[AudioHeader], features: Features) -> Iterator[str]:
    """Yield a line if clips lack the upper frequencies of the features."""
    low = Counter(header.rate for header in found if 0 < header.rate < features.rate)
    if low:
        bins = ", ".join(
            f"{features.bins_above(rate / 2)} at {rate / 1000:g} kHz"
            for rate, _ in low.most_common(NAMED)
        )
        yield (
            f"{percent(low.total() / len(found))} of the clips have a lower sample rate than the "
            f"features ({features.rate / 1000:g} kHz); of their {features.bins} mel bins the upper "
            f"ones are empty: {bins}"
        )


def _identical_lines(sets: Sequence[CorpusSet]) -> Iterator[str]:
    """Yield a line on identical audio in several sets, one on different labels, one on the rest."""
    clips = {f"{one.name}/{name}": clip for one in sets for name, clip in one.clips.items()}
    try:
        groups = identical_audio(clips, LIMIT)
    except TimeLimitError:
        yield f"identical audio: not searched for, since this would take longer than {LIMIT:g} s"
        return
    labels = {f"{one.name}/{name}": value for one in sets for name, value in one.labels.items()}
    of_set = {f"{one.name}/{name}": one.name for one in sets for name in one.clips}
    across = [group for group in groups if len({of_set[name] for name in group}) > 1]
    mixed = [group for group in groups if len({labels.get(name) for name in group}) > 1]
    if across:
        yield f"warning: identical audio in several sets: {_groups(across, of_set)}"
    if mixed:
        yield f"warning: identical audio with different labels: {_groups(mixed, labels)}"
    others = [group for group in groups if group not in across and group not in mixed]
    if others:
        yield f"identical audio within a set and class: {_groups(others, {})}"


def _groups(groups: Sequence[list[str]], different: Mapping[str, str]) -> str:
    """Return the number of groups and two clips of the first that differ in a property."""
    first, *rest = groups[0]
    other = next((name for name in rest if different.get(name) != different.get(first)), rest[0])
    clips = sum(map(len, groups))
    return f"{clips:,} clips in {counted(len(groups), 'group')}, for example {first} = {other}"
