"""Give rare classes to the most important sets of a random split (standard library only)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


def cover_classes(
    parts: Sequence[Sequence[T]], classes_of: Callable[[T], Collection[str]]
) -> list[list[T]]:
    """Move as few items as needed so that each class is in the first parts, and no part is empty.

    A class of one item is then in the first part, a class of two in the first two, and so on;
    parts that have every class already are returned as they are. An item of several classes can
    make this impossible for some of them; no part is left without items if any has two.

    Args:
        parts: by importance, such as training, test and validation set; items are what must not
            be divided, for example all clips of a speaker
        classes_of: classes of an item, each once
    """
    cover = _Cover(parts, classes_of)
    totals = sum(cover.counts, Counter[str]())
    for name in sorted(totals, key=lambda name: (totals[name], name)):  # the rare have least choice
        for part in range(len(parts)):
            if not cover.counts[part][name]:
                cover.fetch(name, part)
    for part in range(len(parts)):
        if not cover.parts[part]:
            cover.fill(part)
    return cover.parts


class _Cover(Generic[T]):
    """Parts of a split while items are moved, and the number of items per part and class."""

    def __init__(self, parts: Sequence[Sequence[T]], classes_of: Callable[[T], Collection[str]]):
        self.parts = [list(part) for part in parts]
        self.classes_of = classes_of
        self.counts = [Counter(c for item in part for c in classes_of(item)) for part in parts]

    def fetch(self, name: str, wanted: int) -> None:
        """Move an item of a class to a part that has none, unless a more important one needs it."""
        best = max(
            (
                (self._spare(source, item), self.counts[source][name], source, -index)
                for source, items in enumerate(self.parts)
                for index, item in enumerate(items)
                if name in self.classes_of(item) and (self._spare(source, item) or wanted < source)
            ),
            default=None,
        )
        if best is not None:
            self._move(source=best[2], index=-best[3], to=wanted)

    def fill(self, empty: int) -> None:
        """Move an item to a part that has none: one that its part can spare, or one of no training.

        The first part gives only what it can spare.
        """
        best = max(
            (
                (self._spare(source, item), len(items), source, -index)
                for source, items in enumerate(self.parts)
                for index, item in enumerate(items)
                if len(items) > 1 and (source or self._spare(source, item))
            ),
            default=None,
        )
        if best is not None:
            self._move(source=best[2], index=-best[3], to=empty)

    def _spare(self, part: int, item: T) -> bool:
        return all(self.counts[part][name] > 1 for name in self.classes_of(item))

    def _move(self, source: int, index: int, to: int) -> None:
        item = self.parts[source].pop(index)
        self.parts[to].append(item)
        self.counts[source].subtract(self.classes_of(item))
        self.counts[to].update(self.classes_of(item))
