"""Combine data directories, or copy one under new utterance and speaker IDs."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from asda.corpus.datadir import DataDir, write_table
from asda.corpus.edit.derived_tables import whole_segments
from asda.corpus.kaldi_tables import (
    SINGLE_VALUES,
    SPEAKER,
    SPEAKER_TABLES,
    UTTERANCE,
    begin_directory,
    copy_constants,
    tables_of,
    write_speakers,
)
from asda.files import InputError, write_lines


def combine(
    destination: Path, sources: list[DataDir], extra: Mapping[str, str] | None = None
) -> list[str]:
    """Combine data directories; return notes on files that were left out or merged.

    Files missing from any source are left out. Exceptions are segments and utt2uniq, whose lines
    are filled in: there, utterances are whole recordings and their own originals. Such segments
    end where utt2dur or the audio does, or at -1 (the end of the recording) if neither tells.
    labels.txt lists the labels of all sources: those of the first, then new ones of the next, and
    so on.

    Args:
        destination: data directory to write
        sources: data directories without common utterances
        extra: further tables, name -> kind of key

    Raises:
        InputError: if an utterance is in two sources, if a recording or speaker has different
            lines, or if frame_shift, feats_type or feats_dim differ.
    """
    found = [tables_of(source, extra) for source in sources]
    kinds: dict[str, str] = {}
    # Sources with segments come last and win: only they distinguish recordings from utterances.
    for tables in sorted(found, key=lambda tables: "segments" in tables):
        kinds.update(tables)
    notes: list[str] = []
    names: list[str] = []
    for name in (*kinds, "labels.txt", *SINGLE_VALUES):
        lacking = [str(source.path) for source in sources if not source.has(name)]
        if not lacking or name in ("segments", "utt2uniq"):
            names.append(name)
        elif len(lacking) < len(sources):
            notes.append(f"{name} is left out: missing from {', '.join(lacking)}")
    if "utt2spk" not in names:
        raise InputError(f"{sources[0].path}: cannot combine: utt2spk must exist in every source")
    # utt2spk first: it reports utterances in two sources before anything is written.
    utt2spk = _merged("utt2spk", UTTERANCE, sources, notes)
    begin_directory(destination, sources, names)
    write_speakers(destination, utt2spk)
    for name in names:
        if name == "labels.txt":
            notes.extend(_merge_labels(destination, sources))
        elif name in SINGLE_VALUES:
            _copy_common_value(destination, name, sources)
        elif name not in SPEAKER_TABLES:
            write_table(destination / name, _merged(name, kinds[name], sources, notes))
    return notes


def _merged(name: str, kind: str, sources: list[DataDir], notes: list[str]) -> dict[str, str]:
    merged: dict[str, str] = {}
    for index, source in enumerate(sources):
        table = source.table(name) if source.has(name) else _filled_in(name, source, notes)
        for key in sorted(merged.keys() & table.keys()):
            # Sources may share recordings and speakers, but not utterances.
            if kind != UTTERANCE and merged[key] == table[key]:
                continue
            raise InputError(
                f"{source.where(name, key)}: '{key}' is also in {name} of "
                f"{' or '.join(str(earlier.path) for earlier in sources[:index])}; rename it, "
                f"for example: utils/copy_data_dir.sh --utt-prefix X- {source.path} {source.path}_X"
            )
        merged.update(table)
    return merged


def _filled_in(name: str, source: DataDir, notes: list[str]) -> dict[str, str]:
    """Return the lines of segments or utt2uniq for a source without it."""
    if name != "segments":
        return {utterance: utterance for utterance in source.utterances}
    lines, unknown = whole_segments(source)
    if unknown:
        notes.append(
            f"{source.path}: {len(unknown)} utterances without a known duration (first: "
            f"{unknown[0]}) end at -1 in segments, which Kaldi refuses; give them one in utt2dur"
        )
    return lines


def _merge_labels(destination: Path, sources: list[DataDir]) -> list[str]:
    first = sources[0].labels
    merged = list(dict.fromkeys(label for source in sources for label in source.labels))
    write_lines(destination / "labels.txt", merged)
    if all(source.labels == first for source in sources):
        return []
    return [
        f"labels.txt differ: merged into {len(merged)} labels, those of {sources[0].path} first"
    ]


def _copy_common_value(destination: Path, name: str, sources: list[DataDir]) -> None:
    values = [(source.path / name).read_text(encoding="utf-8").strip() for source in sources]
    for source, value in zip(sources, values, strict=True):
        if value != values[0]:
            raise InputError(
                f"{source.path / name}:1: '{value}', but '{values[0]}' in {sources[0].path}; "
                "combine only directories with the same features"
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
    """Copy a data directory with new utterance and speaker IDs.

    utt2uniq maps renamed utterances to their originals. If segments exist, recordings keep their
    IDs.

    Raises:
        InputError: if a prefix or suffix of IDs has white space or cannot be printed.
    """
    for affix in (utt_prefix, utt_suffix, spk_prefix, spk_suffix):
        if not affix.isprintable() or " " in affix:
            raise InputError(
                f"{affix!r} cannot be part of an ID: white space ends it, and all must"
                " be printable; choose another prefix or suffix"
            )

    def renamed(key: str, kind: str) -> str:
        if kind == UTTERANCE:
            return f"{utt_prefix}{key}{utt_suffix}"
        return f"{spk_prefix}{key}{spk_suffix}" if kind == SPEAKER else key

    tables = tables_of(source)
    new_utterances = bool(utt_prefix or utt_suffix)
    begin_directory(destination, [source], [*tables, "utt2uniq"] if new_utterances else tables)
    if "utt2spk" in tables:
        utt2spk = source.table("utt2spk").items()
        write_speakers(
            destination, {renamed(key, UTTERANCE): renamed(spk, SPEAKER) for key, spk in utt2spk}
        )
    for name, kind in tables_of(source, speakers=False).items():
        table = source.table(name).items()
        write_table(destination / name, {renamed(key, kind): value for key, value in table})
    if new_utterances and "utt2uniq" not in tables:
        originals = {renamed(key, UTTERANCE): key for key in source.utterances}
        write_table(destination / "utt2uniq", originals)
    copy_constants(source, destination)
