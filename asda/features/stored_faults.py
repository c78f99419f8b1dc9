"""Find faults of stored features by their headers, before a run uses them."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from asda.features.archive import ArchiveReader, location_of
from asda.files import InputError

TOGETHER = 256  # matrices that a thread looks at in one go


def stored_faults(
    utterances: Iterable[str],
    table: Mapping[str, str],
    frames: Mapping[str, float],
    reader: ArchiveReader,
) -> dict[str, str]:
    """Return utterance -> what is wrong with its matrix, for those whose features cannot be used.

    Only headers are read, except of formats that need kaldiio. All matrices must have as many
    columns as most of them, and as many rows as `frames` says.

    Args:
        utterances: those to check
        table: feats.scp
        frames: utt2num_frames
        reader: reads the archives
    """
    found = stored_shapes(utterances, table, reader)
    widths = Counter(shape[1] for shape in found.values() if not isinstance(shape, str))
    usual = widths.most_common(1)[0][0] if widths else 0
    faults = {}
    for utterance, shape in found.items():
        fault = shape if isinstance(shape, str) else _fault(shape, usual, frames[utterance])
        if fault:
            faults[utterance] = fault
    return faults


def stored_shapes(
    utterances: Iterable[str], table: Mapping[str, str], reader: ArchiveReader
) -> dict[str, tuple[int, int] | str]:
    """Return utterance -> (rows, columns) of its matrix, or what is wrong with it."""
    in_disk_order = sorted(utterances, key=lambda utterance: _location(table[utterance]))
    groups = [in_disk_order[n : n + TOGETHER] for n in range(0, len(in_disk_order), TOGETHER)]

    def shapes(group: list[str]) -> list[tuple[int, int] | str]:
        return [_shape_or_fault(utterance, table, reader) for utterance in group]

    with ThreadPoolExecutor(16) as threads:  # network disks are slow, but serve many at once
        each = itertools.chain.from_iterable(threads.map(shapes, groups))
        return dict(zip(in_disk_order, each, strict=True))


def _location(specifier: str) -> tuple[str, int]:
    path, offset = location_of(specifier)
    return path or specifier, offset


def _fault(shape: tuple[int, int], usual: int, frames: float) -> str | None:
    if shape[1] != usual:
        return f"has {shape[1]} columns, most of the others have {usual}"
    if shape[0] != frames:
        return f"has {shape[0]} frames, but {frames:g} in utt2num_frames"
    return None


def _shape_or_fault(
    utterance: str, table: Mapping[str, str], reader: ArchiveReader
) -> tuple[int, int] | str:
    specifier = table[utterance]
    try:
        shape = reader.open_matrix(specifier).shape
        owner = _other_owner(utterance, table, reader)
    except InputError as error:
        return f"cannot be read: {error}"
    return f"has the location of '{owner}', {specifier}" if owner else shape


def _other_owner(utterance: str, table: Mapping[str, str], reader: ArchiveReader) -> str | None:
    """Return the utterance whose matrix stands there instead; None if there is none.

    Another key is no fault in itself, since utterances may be renamed in feats.scp alone. It is a
    fault if it is the key of another utterance of the table, which has another location.
    """
    specifier = table[utterance]
    if reader.belongs_to(specifier, utterance):
        return None
    before = reader.key_bytes(specifier).decode(errors="replace")
    endings = (before[start:] for start in range(len(before)))
    owner = next((ending for ending in endings if ending in table), None)
    if owner is None or location_of(table[owner]) == location_of(specifier):
        return None
    return owner
