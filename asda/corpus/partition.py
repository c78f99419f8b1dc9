"""Cutting sorted lists into parts and picking from them; standard library only, for utils/."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")


def cut(items: Sequence[T], parts: int) -> list[Sequence[T]]:
    """Cut into `parts` contiguous pieces whose sizes differ by at most one, the longer first."""
    size, longer = divmod(len(items), parts)
    starts = [part * size + min(part, longer) for part in range(parts + 1)]
    return [items[starts[part] : starts[part + 1]] for part in range(parts)]


def cut_by_group(groups: Sequence[Sequence[T]], parts: int) -> list[list[T]]:
    """Cut groups (a speaker's utterances, say), kept whole and in order, into similar pieces.

    Every piece has at least one group, if there are `parts` groups or more.
    """
    total = sum(map(len, groups))
    pieces: list[list[T]] = [[] for _ in range(parts)]
    before, piece = 0, -1
    for index, group in enumerate(groups):
        middle = before + len(group) / 2
        last_chance = parts - (len(groups) - index)  # later groups must fill the later pieces
        piece = max(piece, min(int(middle * parts / total), piece + 1), last_chance)
        pieces[piece].extend(group)
        before += len(group)
    return pieces


def evenly_spaced(items: Sequence[T], count: int) -> list[T]:
    """Pick `count` items at even distances, in order."""
    return [items[index * len(items) // count] for index in range(count)]


def inverted(pairs: Iterable[tuple[T, str]]) -> dict[str, list[T]]:
    """Return value -> keys that have it, both in order of appearance."""
    found: dict[str, list[T]] = {}
    for key, value in pairs:
        found.setdefault(value, []).append(key)
    return found
