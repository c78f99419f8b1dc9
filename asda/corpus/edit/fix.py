"""Repair data directories: sort tables, drop bad lines and incomplete utterances."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from asda.corpus.datadir import UTTERANCE_LISTS, DataDir, may_be_empty, write_table
from asda.corpus.edit.scan import LENGTHS, VALUE_CHECKS
from asda.corpus.kaldi_tables import KEYS, RECORDING, SPEAKER, UTTERANCE, tables_of, write_speakers
from asda.files import InputError, numbered_lines, write_lines


class Fixed(NamedTuple):
    """Utterances kept and dropped by a repair, and one note for each bad line dropped."""

    kept: list[str]
    dropped: list[str]
    notes: list[str]


def fix(path: str | Path, extra: Mapping[str, str] | None = None) -> Fixed:
    """Repair a data directory in place.

    Tables are sorted. Bad lines, duplicates and unknown keys are dropped, lengths of 0 among them,
    and so are utterances missing from any table. spk2utt is rebuilt; without utt2spk every
    utterance becomes its own speaker. The folder `.backup` receives the previous files and the
    list `dropped_utterances`.

    Args:
        path: data directory
        extra: further tables, name -> kind of key, in which every utterance must occur

    Raises:
        InputError: if no utterance would remain; the directory is left unchanged.
    """
    directory = DataDir(path)
    extra = extra or {}
    tables = tables_of(directory, extra)
    notes: list[str] = []
    utt2spk = _speakers(directory, notes)
    # Tables recognised only by their prefix, such as utt2fold, may be partial.
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
        else:
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
    _back_up(directory, tables)
    _rewrite(directory, tables_of(directory, extra, speakers=False), wanted)
    write_speakers(directory.path, {utterance: utt2spk[utterance] for utterance in kept})
    if dropped:
        write_lines(directory.path / ".backup" / "dropped_utterances", dropped)
    return Fixed(sorted(kept), dropped, notes)


def _speakers(directory: DataDir, notes: list[str]) -> dict[str, str]:
    if directory.has("utt2spk"):
        return _tidy(directory, "utt2spk", [])
    for name in filter(directory.has, UTTERANCE_LISTS):
        notes.append(f"{directory.path}: no utt2spk: every utterance becomes its own speaker")
        return {utterance: utterance for utterance in _tidy(directory, name, [])}
    raise InputError(f"{directory.path}: contains none of {', '.join(UTTERANCE_LISTS)}")


def _tidy(directory: DataDir, name: str, notes: list[str]) -> dict[str, str]:
    """Return the valid lines of a table; of lines with the same key, the first."""
    path = directory.path / name
    check = VALUE_CHECKS[name] if name in LENGTHS else lambda value: ""
    table: dict[str, str] = {}
    for number, line in numbered_lines(path):
        key, *rest = line.split(None, 1)[:2] or [""]
        value = rest[0].rstrip() if rest else ""
        if not key or not (value or may_be_empty(name)):
            notes.append(f"{path}:{number}: dropped '{key}': no value")
        elif wrong := check(value):
            notes.append(f"{path}:{number}: dropped '{key}': {wrong}")
        elif table.setdefault(key, value) != value:
            notes.append(f"{path}:{number}: dropped '{key} {value}': '{key}' is in an earlier line")
    return table


def _nothing_left(directory: DataDir, keys: Mapping[str, set[str]]) -> str:
    found = ", ".join(
        f"{name} has {len(present)}" + (f" from '{min(present)}'" if present else "")
        for name, present in keys.items()
    )
    return f"{directory.path}: no utterance is in every table ({found}); nothing was changed"


def _back_up(directory: DataDir, names: Iterable[str]) -> None:
    backup = directory.path / ".backup"
    backup.mkdir(exist_ok=True)
    for name in names:
        shutil.copyfile(directory.path / name, backup / name)


def _rewrite(directory: DataDir, tables: Mapping[str, str], wanted: Mapping[str, set[str]]) -> None:
    """Reduce tables to the wanted keys of their kind; a table without any is removed."""
    for name, kind in tables.items():
        old = _tidy(directory, name, [])
        table = {key: value for key, value in old.items() if key in wanted[kind]}
        if table:
            write_table(directory.path / name, table)
        else:
            (directory.path / name).unlink()
