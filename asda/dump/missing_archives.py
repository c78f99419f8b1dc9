"""Archives that the tables of a dump refer to but that no longer exist."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from asda.corpus.packed_table import PackedTable
from asda.features.archive import location_of
from asda.features.archive_places import ArchivePlaces
from asda.files import InputError

REMEDY = "run stage dump again, which computes what is missing"


def missing_archives(specifiers: Iterable[str]) -> dict[str, int]:
    """Return archive -> number of its matrices, for archives that are missing or too short."""
    matrices: Counter[str] = Counter()
    furthest: dict[str, int] = {}
    for specifier in specifiers:
        path, offset = location_of(specifier)
        if path is not None:
            matrices[path] += 1
            furthest[path] = max(offset, furthest.get(path, 0))
    return _missing(matrices, furthest)


def _missing(matrices: Mapping[str, int], furthest: Mapping[str, int]) -> dict[str, int]:
    """Return what `missing_archives` does.

    Args:
        matrices: archive -> number of its matrices
        furthest: archive -> offset of the last of them
    """
    return {
        path: matrices[path]
        for path, offset in sorted(furthest.items())
        if not Path(path).is_file() or Path(path).stat().st_size <= offset
    }


def check_archives(path: Path, table: PackedTable, rows: np.ndarray) -> None:
    """Refuse features of which archives are missing.

    Args:
        path: feats.scp, for the message
        table: it
        rows: the lines that are used, (rows,) int64

    Raises:
        InputError: with the number of archives and the first one.
    """
    places = ArchivePlaces(table, rows)
    furthest = np.zeros(len(places.paths), np.int64)
    np.maximum.at(furthest, places.archives, places.offsets)
    counts = np.bincount(places.archives, minlength=len(places.paths))
    known = [(name, number) for number, name in enumerate(places.paths) if name is not None]
    missing = _missing(
        {name: int(counts[number]) for name, number in known},
        {name: int(furthest[number]) for name, number in known},
    )
    if missing:
        raise InputError(
            f"{path}: {len(missing)} archives with {sum(missing.values())} utterances are missing "
            f"or cut off (first: {next(iter(missing))}); {REMEDY}"
        )
