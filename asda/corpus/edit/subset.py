"""Subsets of a data directory, and splits for parallel jobs."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from asda.corpus.datadir import DataDir, keys_by_value, write_table
from asda.corpus.kaldi_tables import (
    SPEAKER,
    UTTERANCE,
    begin_directory,
    copy_constants,
    tables_of,
    write_speakers,
)
from asda.corpus.partition import cut, cut_by_group, evenly_spaced
from asda.file_locks import locked
from asda.files import InputError, numbered_lines
from asda.staging import staged

GROUPED_BY = {"per-spk": "utt2spk", "per-label": "utt2label"}  # `count` utterances of each group


def choose(directory: DataDir, how: str, count: int) -> list[str]:
    """Choose utterances from a data directory.

    Args:
        directory: the data directory
        how: "evenly" (at even intervals), "first", "last", "shortest", "per-spk" (`count` from
            each speaker, or all if there are fewer), "per-label" (the same for each value of
            utt2label), or "speakers" (all utterances of speakers drawn at random until there are
            at least `count`)
        count: number of utterances

    Raises:
        InputError: if the directory has fewer utterances, or no table that is needed.
    """
    utterances = directory.utterances
    if count < 1 or (how not in GROUPED_BY and count > len(utterances)):
        raise InputError(
            f"{directory.path}: cannot choose {count} of its {len(utterances)} utterances"
        )
    if how == "evenly":
        return evenly_spaced(utterances, count)
    if how == "first":
        return utterances[:count]
    if how == "last":
        return utterances[-count:]
    if how == "shortest":
        lengths = _lengths(directory)
        return sorted(utterances, key=lengths.__getitem__)[:count]
    groups = keys_by_value(directory.table(GROUPED_BY.get(how, "utt2spk")).items())
    if how == "speakers":
        return _whole_speakers(groups, count)
    of_each = (evenly_spaced(own, min(count, len(own))) for own in groups.values())
    return sorted(utterance for own in of_each for utterance in own)


def _lengths(directory: DataDir) -> Mapping[str, float]:
    if directory.has("utt2num_frames") and not directory.has("utt2dur"):
        lengths = directory.numbers("utt2num_frames")
    else:
        lengths = directory.durations()
    if missing := [utterance for utterance in directory.utterances if utterance not in lengths]:
        raise InputError(
            f"{directory.path}: no duration for '{missing[0]}'; "
            f"run utils/fix_data_dir.sh {directory.path}"
        )
    return lengths


def _whole_speakers(speakers: Mapping[str, list[str]], count: int) -> list[str]:
    names = sorted(speakers)
    chosen: list[str] = []
    random.Random(0).shuffle(names)
    while len(chosen) < count:
        chosen.extend(speakers[names.pop()])
    return chosen


def read_selection(directory: DataDir, path: Path, by_speaker: bool) -> tuple[list[str], list[str]]:
    """Read a list of utterances or speakers; return the utterances selected and unknown names.

    Only the first word of each line counts, so utt2spk or spk2utt can serve as the list.

    Raises:
        InputError: if nothing is selected.
    """
    names = {line.split(None, 1)[0] for _, line in numbered_lines(path) if line.strip()}
    if by_speaker:
        utt2spk = directory.table("utt2spk")
        found = [utterance for utterance, speaker in utt2spk.items() if speaker in names]
        known: Iterable[str] = utt2spk.values()
    else:
        found = [utterance for utterance in directory.utterances if utterance in names]
        known = found
    if not found:
        raise InputError(f"{path}: none of its names occurs in {directory.path}")
    return found, sorted(names.difference(known))


def write_parts(source: DataDir, parts: Mapping[Path, list[str]]) -> None:
    """Write parts of a data directory, each table reduced to what the part needs.

    Args:
        source: the whole data directory
        parts: folder -> utterances of the part
    """
    names = tables_of(source)
    utt2spk = source.table("utt2spk")
    segments = source.segments() if source.has("segments") else {}
    for folder, utterances in parts.items():
        if unknown := [utterance for utterance in utterances if utterance not in utt2spk]:
            raise InputError(f"{source.path / 'utt2spk'}: utterance '{unknown[0]}' is missing")
        begin_directory(folder, [source], names)
        write_speakers(folder, {utterance: utt2spk[utterance] for utterance in utterances})
        copy_constants(source, folder)
    # Table by table rather than part by part: each is read once, however many parts there are.
    for name, kind in tables_of(source, speakers=False).items():
        table = source.table(name)
        for folder, utterances in parts.items():
            if kind == UTTERANCE:
                keys: Iterable[str] = utterances
            elif kind == SPEAKER:
                keys = {utt2spk[utterance] for utterance in utterances}
            else:
                keys = {segments[utterance][0] for utterance in utterances if utterance in segments}
            part = {key: table[key] for key in keys if key in table}
            if part:
                write_table(folder / name, part)


def split(source: DataDir, count: int, per_utterance: bool) -> tuple[Path, bool]:
    """Split into `<source>/split<count>/<job>`, or `split<count>utt/<job>`, with jobs from 1.

    Unless `per_utterance`, all utterances of a speaker are in one part. An existing split newer
    than every table is reused. Concurrent calls wait for each other.

    Returns:
        The folder of the split, and whether this call wrote it.

    Raises:
        InputError: if there are fewer speakers, or utterances, than `count`.
    """
    folder = source.path / f"split{count}{'utt' if per_utterance else ''}"
    with locked(source.path / ".split_lock"):
        if _is_current(folder, source):
            return folder, False
        parts = _parts(source, count, per_utterance)
        shutil.rmtree(folder, ignore_errors=True)
        with staged(folder) as unfinished:
            write_parts(source, {unfinished / str(job): part for job, part in enumerate(parts, 1)})
    return folder, True


def _is_current(folder: Path, source: DataDir) -> bool:
    if not folder.is_dir():
        return False
    names = tables_of(source)
    newest = max((source.path / name).stat().st_mtime_ns for name in names)
    return folder.stat().st_mtime_ns > newest and set(tables_of(DataDir(folder / "1"))) == {*names}


def _parts(source: DataDir, count: int, per_utterance: bool) -> list[list[str]]:
    speakers = keys_by_value(sorted(source.table("utt2spk").items()))
    utterances = source.utterances
    available = len(utterances if per_utterance else speakers)
    if not 1 <= count <= available:
        what = "utterances" if per_utterance else "speakers (split more finely with --per-utt)"
        raise InputError(f"{source.path}: cannot split into {count}: it has {available} {what}")
    if per_utterance:
        return [list(part) for part in cut(utterances, count)]
    return cut_by_group([speakers[speaker] for speaker in sorted(speakers)], count)
