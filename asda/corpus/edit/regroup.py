"""Divide utterances anew among speakers, by their number and duration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from asda.corpus.datadir import DataDir, keys_by_value
from asda.corpus.edit.subset import write_parts
from asda.corpus.kaldi_tables import SPEAKER, tables_of, write_speakers
from asda.files import InputError


def regroup(
    source: DataDir,
    destination: Path,
    most_utterances: int,
    most_seconds: float,
    within: str = "speaker",
) -> tuple[int, int]:
    """Copy a data directory and give successive utterances the same new speaker.

    Speakers are called <old one>-1, <old one>-2 and so on, with as many digits for all. Tables of
    speakers, such as cmvn.scp, are left out.

    Args:
        source: the data directory
        destination: the copy
        most_utterances: of a speaker; 0 or less = any number
        most_seconds: of a speaker with several utterances; 0 or less = any duration
        within: a new speaker has utterances of one "speaker", one "recording", or of "any"

    Returns:
        the number of speakers before and after

    Raises:
        InputError: if neither number is limited, or an utterance has no duration.
    """
    if most_utterances <= 0 and most_seconds <= 0:
        raise InputError("give --utts-per-spk-max or --seconds-per-spk-max, or both")
    seconds = source.durations() if most_seconds > 0 else {}
    if most_seconds > 0 and (missing := [u for u in source.utterances if u not in seconds]):
        raise InputError(f"{source.path / 'utt2dur'}: no line for '{missing[0]}'; delete the file")
    speakers: dict[str, str] = {}
    for name, utterances in _wholes(source, within).items():
        groups = _groups(utterances, seconds, most_utterances, most_seconds)
        digits = len(str(len(groups)))
        for number, group in enumerate(groups, 1):
            speakers |= dict.fromkeys(group, f"{name}-{number:0{digits}d}")
    write_parts(source, {destination: source.utterances})
    for name, kind in tables_of(DataDir(destination), speakers=False).items():
        if kind == SPEAKER:
            (destination / name).unlink()
    write_speakers(destination, speakers)
    return len(set(source.table("utt2spk").values())), len(set(speakers.values()))


def _wholes(source: DataDir, within: str) -> dict[str, list[str]]:
    """Return the groups, by name, that a new speaker must not reach beyond."""
    if within == "any":
        return {"speaker": source.utterances}
    if within == "speaker":
        table = source.table("utt2spk")
    elif source.has("segments"):
        table = {utterance: name for utterance, (name, _, _) in source.segments().items()}
    else:
        table = {utterance: utterance for utterance in source.utterances}
    return keys_by_value(sorted(table.items()))


def _groups(
    utterances: Sequence[str], seconds: dict[str, float], most: int, most_seconds: float
) -> list[list[str]]:
    groups: list[list[str]] = [[]]
    total = 0.0
    for utterance in utterances:
        own = seconds.get(utterance, 0.0)
        full = 0 < most <= len(groups[-1]) or 0 < most_seconds < total + own
        if full and groups[-1]:
            groups.append([])
            total = 0.0
        groups[-1].append(utterance)
        total += own
    return groups
