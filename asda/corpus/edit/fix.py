"""Repair of Kaldi data directories: order, repeated lines, utterances not in every table."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from asda.corpus.datadir import UTTERANCE_LISTS, DataDir, write_table
from asda.corpus.tables import KEYS, RECORDING, SPEAKER, UTTERANCE, tables_of, write_speakers
from asda.files import InputError, atomic_write, numbered_lines


class Fixed(NamedTuple):
    """Utterances that a repair kept and dropped, and notes on the lines that it dropped."""

    kept: list[str]
    dropped: list[str]
    notes: list[str]


def fix(path: str | Path, extra: Mapping[str, str] | None = None) -> Fixed:
    """Repair a data directory in place.

    Tables are sorted; bad lines, repeated lines and unknown keys go; only utterances that are in
    every table stay; spk2utt is made anew. Without utt2spk every utterance becomes its own
    speaker. Files as they were before, and the dropped utterances, are in `.backup` there.

    Args:
        path: data directory.
        extra: more tables, name -> what they are keyed by, that must have every utterance.

    Raises:
        InputError: if no utterance remains; nothing is changed then.
    """
    directory = DataDir(path)
    extra = extra or {}
    tables = tables_of(directory, extra)
    notes: list[str] = []
    utt2spk = _speakers(directory, notes)
    # others, which asda knows only by their name, may leave some utterances out
    complete = [name for name in tables if name in KEYS or name in extra]
    keys = {name: set(_tidy(directory, name, notes)) for name in complete if name != "spk2utt"}
    segments = _tidy(directory, "segments", []) if directory.has("segments") else {}
    recording_of = {utterance: value.split()[0] for utterance, value in segments.items()}

    kept = set(utt2spk)
    for name, present in keys.items():
        if tables[name] == UTTERANCE:
            kept &= present
        elif tables[name] == SPEAKER:
            kept = {utterance for utterance in kept if utt2spk[utterance] in present}
        elif name == "wav.scp":
            kept = {utterance for utterance in kept if recording_of.get(utterance) in present}
    if not kept:
        raise InputError(_nothing_left(directory, keys))
    every = set(utt2spk).union(*(keys[name] for name in keys if tables[name] == UTTERANCE))
    dropped = sorted(every - kept)
    wanted = {
        UTTERANCE: kept,
        SPEAKER: {utt2spk[utterance] for utterance in kept},
        RECORDING: {recording_of[utterance] for utterance in kept} if segments else set(),
    }
    _rewrite(directory, tables, wanted, utt2spk)
    if dropped:
        with atomic_write(directory.path / ".backup" / "dropped_utterances") as stream:
            stream.writelines(f"{utterance}\n" for utterance in dropped)
    return Fixed(sorted(kept), dropped, notes)


def _speakers(directory: DataDir, notes: list[str]) -> dict[str, str]:
    if directory.has("utt2spk"):
        return _tidy(directory, "utt2spk", [])
    for name in filter(directory.has, UTTERANCE_LISTS):
        notes.append(f"{directory.path}: no utt2spk; every utterance is its own speaker now")
        return {utterance: utterance for utterance in _tidy(directory, name, [])}
    raise InputError(f"{directory.path}: none of {', '.join(UTTERANCE_LISTS)} in it")


def _tidy(directory: DataDir, name: str, notes: list[str]) -> dict[str, str]:
    """Return the good lines of a table, the first of those with the same key."""
    path, table = directory.path / name, {}
    for number, line in numbered_lines(path):
        key, *rest = line.split(None, 1)[:2] or [""]
        value = rest[0].rstrip() if rest else ""
        if not value:
            notes.append(f"{path}:{number}: dropped '{key}', which has no value")
        elif table.setdefault(key, value) != value:
            notes.append(f"{path}:{number}: dropped '{key} {value}', an earlier line has '{key}'")
    return table


def _nothing_left(directory: DataDir, keys: Mapping[str, set[str]]) -> str:
    found = ", ".join(
        f"{name} has {len(present)}" + (f" from '{min(present)}'" if present else "")
        for name, present in keys.items()
    )
    return f"{directory.path}: no utterance is in every table; {found}; nothing was changed"


def _rewrite(
    directory: DataDir,
    tables: Mapping[str, str],
    wanted: Mapping[str, set[str]],
    utt2spk: Mapping[str, str],
) -> None:
    backup = directory.path / ".backup"
    backup.mkdir(exist_ok=True)
    for name in tables:
        shutil.copyfile(directory.path / name, backup / name)
    for name, key in tables.items():
        if name in ("utt2spk", "spk2utt"):
            continue
        old = _tidy(directory, name, [])
        table = {key_: value for key_, value in old.items() if key_ in wanted[key]}
        if table:
            write_table(directory.path / name, table)
        else:
            (directory.path / name).unlink()
    write_speakers(
        directory.path, {utterance: utt2spk[utterance] for utterance in wanted[UTTERANCE]}
    )
