"""Write a data directory of parts of the utterances of another, with their features."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from asda.corpus.datadir import DataDir, write_table
from asda.corpus.edit.durations import measured_frame_shift
from asda.corpus.edit.utterance_parts import Part, frames_of_parts, rows_of
from asda.corpus.kaldi_tables import (
    SPEAKER,
    UTTERANCE,
    begin_directory,
    copy_constants,
    tables_of,
    write_speakers,
)
from asda.files import InputError, write_lines

Tables = dict[str, dict[str, str]]

ROWS = ("feats.scp", "vad.scp")  # tables of matrices, of which a part has some rows
# What holds for a whole utterance, or for a speaker with all utterances, but not for parts.
OF_WHOLES = (
    *("segments", "text", "utt2dur", "utt2num_frames", "utt2num_samples", "utt2moments"),
    *("cmvn.scp", *ROWS),
)
FOR_SCORING = ("glm", "stm")  # their times are those of recordings


def subsegment(
    source: DataDir,
    destination: Path,
    parts: Mapping[str, Part],
    texts: Mapping[str, str] | None = None,
    padding: float = 0.0,
    count_frames: Callable[[], Mapping[str, float]] | None = None,
) -> list[str]:
    """Write a data directory whose utterances are parts of those of another.

    Parts have the speakers, labels and so on of their utterances, and rows of their features.
    Durations and statistics are left out.

    Args:
        source: the data directory
        destination: the one to write
        parts: name -> part
        texts: name -> transcript; None = there are none
        padding: seconds by which segments, but not features, end later than the parts
        count_frames: return the number of frames of each utterance; None = there are no features

    Returns:
        parts that are left out, since they have features but not a single frame

    Raises:
        InputError: if an utterance lacks a line in segments, utt2spk or a table of features.
    """
    tables: Tables = {}
    shift, kept = None, dict(parts)
    if count_frames is not None:
        counts = count_frames()
        shift = measured_frame_shift(source, counts)
        frames = frames_of_parts(parts, shift, counts)
        kept = {name: part for name, part in parts.items() if frames[name]}
        tables |= _features(source, kept, frames)
    tables |= _segments_and_recordings(source, kept, padding)
    tables |= _of_utterances(source, kept)
    if texts is not None:
        tables["text"] = {name: texts[name] for name in kept}
    tables |= _of_speakers(source, {*tables["utt2spk"].values()})
    _write(source, destination, tables)
    if shift is not None:  # the durations of parts do not tell it
        write_lines(destination / "frame_shift", [f"{shift:g}"])
    return [name for name in parts if name not in kept]


def _features(source: DataDir, parts: Mapping[str, Part], frames: Mapping[str, range]) -> Tables:
    tables = {"utt2num_frames": {name: str(len(frames[name])) for name in parts}}
    for table in filter(source.has, ROWS):
        wholes = _lines(source, table, parts)
        tables[table] = {name: rows_of(value, frames[name]) for name, value in wholes.items()}
    return tables


def _segments_and_recordings(source: DataDir, parts: Mapping[str, Part], padding: float) -> Tables:
    segments: dict[str, str] = {}
    places = source.segments() if source.has("segments") else None
    for name, (utterance, start, end) in parts.items():
        if places is not None and utterance not in places:
            raise _missing(source, "segments", utterance)
        recording, offset, _ = places[utterance] if places else (utterance, 0.0, None)
        times = (round(offset + seconds, 6) for seconds in (start, end + padding))
        segments[name] = " ".join([recording, *map(str, times)])
    recordings = {line.split()[0] for line in segments.values()}
    return {"segments": segments} | {
        name: {key: line for key, line in source.table(name).items() if key in recordings}
        for name in tables_of(source)
        if _is_of_recordings(name)
    }


def _is_of_recordings(name: str) -> bool:
    """Return whether the keys of a table are recordings, also where these are utterances."""
    return name == "wav.scp" or name.startswith("reco2")


def _of_utterances(source: DataDir, parts: Mapping[str, Part]) -> Tables:
    """Return the tables of utterances that hold for each of their parts."""
    names = [name for name, kind in tables_of(source).items() if kind == UTTERANCE]
    return {
        name: _lines(source, name, parts)
        for name in names
        if name not in OF_WHOLES and not _is_of_recordings(name)
    }


def _lines(source: DataDir, name: str, parts: Mapping[str, Part]) -> dict[str, str]:
    """Return the name of each part -> the line of its utterance.

    Raises:
        InputError: if there is no such line.
    """
    table = source.table(name)
    for utterance, _, _ in parts.values():
        if utterance not in table:
            raise _missing(source, name, utterance)
    return {part: table[utterance] for part, (utterance, _, _) in parts.items()}


def _missing(source: DataDir, name: str, utterance: str) -> InputError:
    advice = f"run utils/fix_data_dir.sh {source.path}"
    return InputError(f"{source.path / name}: no line for '{utterance}'; {advice}")


def _of_speakers(source: DataDir, speakers: set[str]) -> Tables:
    names = [name for name, kind in tables_of(source, speakers=False).items() if kind == SPEAKER]
    return {
        name: {key: line for key, line in source.table(name).items() if key in speakers}
        for name in names
        if name not in OF_WHOLES
    }


def _write(source: DataDir, destination: Path, tables: Tables) -> None:
    begin_directory(destination, [source], [*tables, "spk2utt"])
    for name, table in tables.items():
        if name == "utt2spk":
            write_speakers(destination, table)
        else:
            write_table(destination / name, table)
    copy_constants(source, destination)
    for name in filter(source.has, FOR_SCORING):
        shutil.copyfile(source.path / name, destination / name)
