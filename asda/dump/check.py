"""A check of all that the tables of a dump lead to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path

import numpy as np

from asda.configuration import load
from asda.corpus.datadir import DataDir
from asda.features.archive import ArchiveReader
from asda.features.fbank_config import FbankConfig
from asda.features.moments import Moments, read_moments
from asda.files import InputError


def check(folder: Path) -> None:
    """Read all features of a dump and compare them with its tables.

    Raises:
        InputError: if anything is wrong; each problem has been printed.
    """
    directory = DataDir(folder)
    tables = {"feats.scp": directory.table("feats.scp")}
    tables["utt2num_frames"] = directory.numbers("utt2num_frames")
    tables["utt2moments"] = moments = read_moments(directory.path / "utt2moments")
    bands = load(FbankConfig, directory.path / "fbank.yaml").num_mel_bins
    problems = list(_differing_keys(tables))
    reader = ArchiveReader()
    for utterance in sorted(set.intersection(*map(set, tables.values()))):
        specifier, frames, expected = (table[utterance] for table in tables.values())
        shape = (int(frames), bands)
        if problem := _problem(reader, utterance, specifier, shape, expected):
            problems.append(problem)
    if problems:
        print("\n".join(problems))
        raise InputError(
            f"{folder}: {len(problems)} problems; remove the archives they are in and dump again"
        )
    total = sum(moments.values(), Moments(0, 0.0, 0.0))
    print(
        f"{folder}: {len(moments)} utterances, {total.count // bands} frames, as its tables say; "
        f"mean {total.mean:.6g}, standard deviation {total.std:.6g}"
    )


def _differing_keys(tables: dict[str, dict]) -> Iterator[str]:
    for name in ("utt2num_frames", "utt2moments"):
        for utterance in sorted(tables[name].keys() ^ tables["feats.scp"].keys()):
            where = name if utterance in tables[name] else "feats.scp"
            yield f"utterance '{utterance}': of feats.scp and {name}, only in {where}"


def _problem(
    reader: ArchiveReader,
    utterance: str,
    specifier: str,
    shape: tuple[int, int],
    expected: Moments,
) -> str | None:
    """Return what is wrong with the features of an utterance."""
    try:
        matrix = reader.read(specifier)
        is_of_utterance = reader.is_of(specifier, utterance)
    except InputError as error:
        return str(error)
    if not is_of_utterance:
        return f"{specifier}: not of utterance '{utterance}'"
    if matrix.shape != shape:
        return f"{specifier}: '{utterance}' has {matrix.shape} frames x bands, not {shape}"
    if not np.isfinite(matrix).all():
        return f"{specifier}: '{utterance}' has values that are not finite"
    found = Moments.of(matrix)
    if not np.allclose(astuple(found), astuple(expected), rtol=1e-9, atol=0):
        return f"{specifier}: '{utterance}' has other values than utt2moments tells"
    return None
