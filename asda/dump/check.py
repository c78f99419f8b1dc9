"""Verification of a dump: everything that its tables refer to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from asda.configuration import load
from asda.corpus.datadir import DataDir
from asda.dump.missing_archives import REMEDY, missing_archives
from asda.features.archive import ArchiveReader, location_of
from asda.features.fbank_config import FbankConfig
from asda.features.moments import Moments, read_moments
from asda.files import InputError

# Twice the error of numpy's pairwise sums of 10^9 values, whose order depends on the processor.
ROUNDING = 1e-14


def check(folder: Path) -> None:
    """Read all features of a dump and compare them with its tables.

    Args:
        folder: the dump

    Raises:
        InputError: if anything is wrong; every problem has been printed.
    """
    directory = DataDir(folder)
    specifiers = directory.table("feats.scp")
    num_frames = directory.numbers("utt2num_frames")
    moments = read_moments(directory.path / "utt2moments")
    bands = load(FbankConfig, directory.path / "fbank.yaml").num_mel_bins
    problems = [
        *_missing_lines(specifiers, "utt2num_frames", num_frames),
        *_missing_lines(specifiers, "utt2moments", moments),
    ]
    missing = missing_archives(specifiers.values())
    problems += [
        f"{archive}: missing or cut off, with {count} utterances; {REMEDY}"
        for archive, count in missing.items()
    ]
    reader = ArchiveReader()
    for utterance in sorted(specifiers.keys() & num_frames.keys() & moments.keys()):
        if location_of(specifiers[utterance])[0] in missing:
            continue
        shape = (int(num_frames[utterance]), bands)
        problem = _problem(reader, utterance, specifiers[utterance], shape, moments[utterance])
        if problem:
            problems.append(problem)
    if problems:
        print("\n".join(problems))
        raise InputError(
            f"{folder}: {len(problems)} problems; remove the archives they are in and run stage "
            "dump again (utils/dump_fbank.sh), which computes their features"
        )
    total = sum(moments.values(), Moments(0, 0.0, 0.0))
    print(
        f"{folder}: {len(moments)} utterances, {total.count // bands} frames, all as recorded; "
        f"mean {total.mean:.6g}, standard deviation {total.std:.6g}"
    )


def _missing_lines(
    specifiers: Mapping[str, str], name: str, table: Mapping[str, Any]
) -> Iterator[str]:
    for utterance in sorted(table.keys() ^ specifiers.keys()):
        where = name if utterance in table else "feats.scp"
        yield f"utterance '{utterance}': of feats.scp and {name}, only in {where}"


def _problem(
    reader: ArchiveReader,
    utterance: str,
    specifier: str,
    shape: tuple[int, int],
    expected: Moments,
) -> str | None:
    """Return what is wrong with the features of an utterance; None if they are as recorded."""
    try:
        matrix = reader.read(specifier)
        belongs = reader.belongs_to(specifier, utterance)
    except InputError as error:
        return f"features of '{utterance}': {error}"
    if not belongs:
        return f"{specifier}: not the features of utterance '{utterance}'"
    if matrix.shape != shape:
        return f"{specifier}: '{utterance}' has {matrix.shape} frames x bands, not {shape}"
    if not _agree(Moments.of(matrix), expected):
        return f"{specifier}: the values of '{utterance}' differ from utt2moments"
    return None


def _agree(found: Moments, expected: Moments) -> bool:
    """Return whether moments are of the same values, but for what rounding may add.

    So small a tolerance tells a flip of the last bit of one float32 among a million, unless the
    value is much smaller than the others.
    """
    magnitude = math.sqrt(found.count * found.total_of_squares)  # of the sum of absolute values
    return (
        found.count == expected.count
        and abs(found.total - expected.total) <= ROUNDING * magnitude
        and abs(found.total_of_squares - expected.total_of_squares)
        <= ROUNDING * found.total_of_squares
    )
