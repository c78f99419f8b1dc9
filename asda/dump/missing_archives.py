"""Archives that the tables of a dump refer to but that no longer exist."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from asda.features.archive import location_of
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
    return {
        path: matrices[path]
        for path, offset in sorted(furthest.items())
        if not Path(path).is_file() or Path(path).stat().st_size <= offset
    }


def check_archives(table: Path, specifiers: Iterable[str]) -> None:
    """Refuse features of which archives are missing.

    Args:
        table: feats.scp, for the message
        specifiers: values of it

    Raises:
        InputError: with the number of archives and the first one.
    """
    missing = missing_archives(specifiers)
    if missing:
        raise InputError(
            f"{table}: {len(missing)} archives with {sum(missing.values())} utterances are missing "
            f"or cut off (first: {next(iter(missing))}); {REMEDY}"
        )
