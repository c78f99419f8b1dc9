"""Cut sorted lists into parts, or pick from them. Standard library only: utils/ imports it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")


def cut(items: Sequence[T], parts: int) -> list[Sequence[T]]:
    """Cut into `parts` contiguous pieces; their sizes differ by at most one, longer ones first."""
    size, longer = divmod(len(items), parts)
    starts = [part * size + min(part, longer) for part in range(parts + 1)]
    return [items[starts[part] : starts[part + 1]] for part in range(parts)]


def cut_by_group(groups: Sequence[Sequence[T]], parts: int) -> list[list[T]]:
    """Cut a sequence of groups into pieces of similar size without dividing a group.

    A group is for example the utterances of one speaker. The order is kept, and no piece is empty
    if there are at least `parts` groups.
    """
    total = sum(map(len, groups))
    pieces: list[list[T]] = [[] for _ in range(parts)]
    before, piece = 0, -1
    for index, group in enumerate(groups):
        # A group belongs to the piece that its middle item would be in if groups could be divided,
        # unless that would leave a piece empty: one skipped, or one for which no group remains.
        middle = before + len(group) / 2
        last_chance = parts - (len(groups) - index)
        piece = max(piece, min(int(middle * parts / total), piece + 1), last_chance)
        pieces[piece].extend(group)
        before += len(group)
    return pieces


def evenly_spaced(items: Sequence[T], count: int) -> list[T]:
    """Pick `count` items at even intervals, in order."""
    return [items[index * len(items) // count] for index in range(count)]


def hashed_share(
    groups: Iterable[Sequence[T]], percent: float, name: Callable[[T], str]
) -> list[T]:
    """Pick a share of each group, at least one item, in order: those whose hashes come first.

    Smaller shares are parts of larger ones, and the same items are picked on every machine.

    Args:
        groups: whose items differ in their names
        percent: size of the share
        name: of an item, which its hash is made of
    """
    picked: list[T] = []
    for group in groups:
        ranked = sorted(group, key=lambda item: hashlib.sha256(name(item).encode()).digest())
        chosen = {*map(name, ranked[: max(1, round(len(group) * percent / 100))])}
        picked += [item for item in group if name(item) in chosen]
    return picked
