"""Kaldi data directories made of others: joined, or copied under new names."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from asda.corpus.datadir import DataDir, write_table
from asda.corpus.tables import (
    SINGLE_VALUES,
    SPEAKER,
    UTTERANCE,
    begin_directory,
    tables_of,
    write_speakers,
)
from asda.files import InputError, atomic_write


def combine(
    destination: Path, sources: list[DataDir], extra: Mapping[str, str] | None = None
) -> list[str]:
    """Join data directories; return notes on what was left out or merged.

    Files that some source lacks are left out, but for segments and utt2uniq: a source without
    them has whole recordings, and utterances that are their own originals. labels.txt has the
    labels of all sources, in the order of the first, then of the next.

    Args:
        destination: data directory to make.
        sources: data directories whose utterances differ.
        extra: more tables, name -> what they are keyed by.

    Raises:
        InputError: if two sources have the same utterance, a recording or speaker with
            different lines, or a different frame_shift, feats_type or feats_dim.
    """
    found = [tables_of(source, extra) for source in sources]
    kinds: dict[str, str] = {}
    for tables in sorted(found, key=lambda tables: "segments" in tables):
        kinds.update(tables)  # those with segments last: they know what is keyed by recording
    notes, names = [], []
    for name in (*kinds, "labels.txt", *SINGLE_VALUES):
        lacking = [str(source.path) for source in sources if not source.has(name)]
        if not lacking or name in ("segments", "utt2uniq"):
            names.append(name)
        elif len(lacking) < len(sources):
            notes.append(f"{name} is left out: not in {', '.join(lacking)}")
    if "utt2spk" not in names:
        raise InputError(f"{sources[0].path}: utt2spk must be in all directories to combine")
    utt2spk = _merged("utt2spk", UTTERANCE, sources)  # first: shows collisions
    begin_directory(destination, sources, names)
    write_speakers(destination, utt2spk)
    for name in names:
        if name == "labels.txt":
            notes.extend(_merge_labels(destination, sources))
        elif name in SINGLE_VALUES:
            _copy_common_value(destination, name, sources)
        elif name not in ("utt2spk", "spk2utt"):
            write_table(destination / name, _merged(name, kinds[name], sources))
    return notes


def _merged(name: str, kind: str, sources: list[DataDir]) -> dict[str, str]:
    merged: dict[str, str] = {}
    for index, source in enumerate(sources):
        if source.has(name):
            table = source.table(name)
        else:
            value = "{0} 0 -1" if name == "segments" else "{0}"
            table = {utterance: value.format(utterance) for utterance in source.utterances}
        for key in sorted(merged.keys() & table.keys()):
            if kind != UTTERANCE and merged[key] == table[key]:
                continue
            raise InputError(
                f"{source.where(name, key)}: '{key}' is also in {name} of "
                f"{' or '.join(str(earlier.path) for earlier in sources[:index])}; rename with "
                f"utils/copy_data_dir.sh --utt-prefix X- {source.path} {source.path}_X"
            )
        merged.update(table)
    return merged


def _merge_labels(destination: Path, sources: list[DataDir]) -> list[str]:
    first = sources[0].labels
    merged = list(dict.fromkeys(label for source in sources for label in source.labels))
    with atomic_write(destination / "labels.txt") as stream:
        stream.writelines(f"{label}\n" for label in merged)
    if all(source.labels == first for source in sources):
        return []
    return [f"labels.txt differ: {len(merged)} labels in all, those of {sources[0].path} first"]


def _copy_common_value(destination: Path, name: str, sources: list[DataDir]) -> None:
    values = [(source.path / name).read_text(encoding="utf-8").strip() for source in sources]
    for source, value in zip(sources, values, strict=True):
        if value != values[0]:
            raise InputError(
                f"{source.path / name}:1: '{value}', but '{values[0]}' in {sources[0].path}"
            )
    shutil.copyfile(sources[0].path / name, destination / name)


def copy(
    source: DataDir,
    destination: Path,
    utt_prefix: str = "",
    utt_suffix: str = "",
    spk_prefix: str = "",
    spk_suffix: str = "",
) -> None:
    """Copy a data directory with new utterance and speaker ids.

    Renamed utterances are traced in utt2uniq, `new old`. Recordings of segments keep their names.
    """
    tables = tables_of(source)
    new_utterances = bool(utt_prefix or utt_suffix)
    begin_directory(destination, [source], [*tables, "utt2uniq"] if new_utterances else tables)
    for name, kind in tables.items():
        if name == "spk2utt":
            continue
        table = source.table(name)
        if kind == UTTERANCE:
            table = {f"{utt_prefix}{key}{utt_suffix}": value for key, value in table.items()}
        elif kind == SPEAKER:
            table = {f"{spk_prefix}{key}{spk_suffix}": value for key, value in table.items()}
        if name == "utt2spk":
            speakers = {key: f"{spk_prefix}{value}{spk_suffix}" for key, value in table.items()}
            write_speakers(destination, speakers)
        else:
            write_table(destination / name, table)
    if new_utterances and "utt2uniq" not in tables:
        renamed = {f"{utt_prefix}{old}{utt_suffix}": old for old in source.utterances}
        write_table(destination / "utt2uniq", renamed)
    for name in filter(source.has, ("labels.txt", *SINGLE_VALUES)):
        shutil.copyfile(source.path / name, destination / name)
