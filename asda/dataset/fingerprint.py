"""Digests of the data of a run, which may only resume, or count as complete, if they are the same.

Paths do not count: data may be moved.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable
from pathlib import Path

from asda.audio.wav_scp import split_source
from asda.configuration import to_dict
from asda.corpus.datadir import DataDir
from asda.corpus.packed_columns import packed_digest, packed_utterances
from asda.corpus.packed_table import PackedTable, read_packed
from asda.dataset.feature_sources import FeatureInput
from asda.digests import sampled_digest, table_digest, value_digest
from asda.features.archive import location_of
from asda.features.fbank_file import load_fbank
from asda.files import InputError
from asda.text.transcripts import read_transcripts


def fingerprint(directory: str, features: FeatureInput, truth: Collection[str]) -> dict[str, str]:
    """Return digests of the clips and features of a data directory.

    Args:
        directory: a Kaldi data directory
        features: where its features come from
        truth: what else matters: "labels", "transcripts"

    Returns:
        "clips": utterances and their sampling weights; "labels" (if they matter): classes and the
        labels of the clips; "transcripts" (if they matter): those of the clips; "features": the
        moments recorded in a dump, or the feature configuration; "archives" (without recorded
        moments): places of the matrices, and a sample of what the archives hold; "audio" (without
        a dump): segments and a sample of what the files hold.

    Raises:
        InputError: if a table or archive is missing or damaged.
    """
    data = DataDir(directory)
    clips = packed_utterances(data)
    digests = {"clips": packed_digest(clips, _table(data, "utt2weight"))}
    if "transcripts" in truth:
        digests["transcripts"] = table_digest(clips, read_transcripts(data))
    if "labels" in truth:
        digests["labels"] = table_digest(data.labels, {})
        digests["labels"] += packed_digest(clips, _table(data, "utt2label"))
    if features.fbank is not None:
        settings = to_dict(load_fbank(features.fbank))
        for name, before in {"keep_silent": False, "snip_edges": True}.items():
            if settings[name] == before:  # digests stay as before this setting existed
                del settings[name]
        return digests | {"features": value_digest(settings), "audio": _audio_digest(data)}
    dumped = DataDir(features.dump or directory)
    digests["features"] = packed_digest(clips, _table(dumped, "utt2moments"))
    if not dumped.has("utt2moments"):  # as Kaldi and ESPnet make it
        digests["archives"] = _archives_digest(dumped, clips)
    return digests


def _archives_digest(dumped: DataDir, clips: Iterable[str]) -> str:
    """Return the digest of places of matrices, and of a sample of what their archives hold."""
    table = read_packed(dumped.path / "feats.scp") if dumped.has("feats.scp") else {}
    places: dict[str, str] = {}
    archives: dict[str, None] = {}
    for clip in clips:
        if (specifier := table.get(clip)) is not None:
            path = location_of(specifier)[0]
            rest = specifier[len(path or "") + 1 :]  # the offset, and perhaps a range of rows
            places[clip] = _place(path, rest, specifier)
            if path is not None:
                archives[path] = None
    for archive in archives:
        if not Path(archive).is_file():
            raise InputError(
                f"{dumped.path / 'feats.scp'}: no archive {archive}; compute its features again"
            )
    return table_digest(places, places) + sampled_digest(list(archives))


def _audio_digest(data: DataDir) -> str:
    """Return the digest of the segments, and of a sample of what the files of audio hold."""
    segments = data.utterance_audio()
    places: dict[str, str] = {}
    files: dict[str, None] = {}
    for clip, (source, start, end) in segments.items():
        path, location = split_source(source)
        places[clip] = f"{_place(path, location, source)} {start} {end}"
        if path is not None:
            files[path] = None
    return table_digest(places, places) + sampled_digest(list(files))


def _place(path: str | None, location: int | str | None, value: str) -> str:
    """Return a value of wav.scp or feats.scp as it is wherever the data lies.

    Args:
        path: the file that it names; None = it is a command, or has a rarer form
        location: in this file
        value: the value itself
    """
    return re.sub(r"\S*/", "", value) if path is None else f"{os.path.basename(path)}:{location}"


def _table(data: DataDir, name: str) -> PackedTable | None:
    return read_packed(data.path / name) if data.has(name) else None
