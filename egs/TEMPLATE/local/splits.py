"""Divide clips into training, validation and test set, or into folds."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping

from clips import SETS, Clip, Table

from asda.corpus.class_coverage import cover_classes
from asda.files import InputError, plural

SEED = 1
Group = list[Clip]  # all clips of a speaker, recording or the like; never divided
Split = dict[str, list[Clip]]  # set -> clips


def divide(table: Table, num_folds: int) -> dict[str, Split]:
    """Return fold -> set -> clips; a single split is one fold with an empty name."""
    try:
        if table.partition:
            return as_given(table)
        if num_folds:
            parts = random_parts(table.clips, num_folds, "--num-folds")
            folds = {str(number): concatenated(part) for number, part in enumerate(parts, 1)}
            return with_folds(folds)
        test, *others = random_parts(table.clips, 5, "a random split")
        train, valid = without_valid(concatenated(concatenated(others)))
        return {"": covered({"train": train, "test": test, "valid": valid})}
    except InputError as error:
        raise InputError(f"{table.path}: {error}") from None


def random_parts(clips: list[Clip], parts: int, purpose: str) -> list[list[Group]]:
    """Distribute whole groups over parts at random, evenly for each class.

    Raises:
        InputError: if there are fewer groups than parts; says that `purpose` needs them.
    """
    groups: dict[str, Group] = {}
    for clip in sorted(clips):
        groups.setdefault(clip.group, []).append(clip)
    if len(groups) < parts:
        raise InputError(
            f"{purpose} needs at least {parts} clips or groups of clips, not {len(groups)}; "
            "list more"
        )
    shuffled = random.Random(SEED).sample(list(groups.values()), len(groups))
    # The sort is stable, so the order within a class stays random: taking every n-th group of the
    # list gives each part about the same number of each class.
    shuffled.sort(key=lambda group: group[0].labels)
    return [shuffled[part::parts] for part in range(parts)]


def concatenated(parts: Iterable[list]) -> list:
    return [item for part in parts for item in part]


def without_valid(clips: list[Clip]) -> tuple[list[Group], list[Group]]:
    """Return training and validation set; the latter is a tenth of the groups."""
    parts = min(10, len({clip.group for clip in clips}))
    valid, *others = random_parts(clips, max(parts, 2), "a training set with a validation set")
    return concatenated(others), valid


def covered(sets: Mapping[str, list[Group]]) -> Split:
    """Return the sets after moving groups so that each class is in the first ones.

    Raises:
        InputError: if a set stays empty.
    """
    parts = cover_classes([*sets.values()], labels_of)
    split = {name: concatenated(part) for name, part in zip(sets, parts, strict=True)}
    for name, clips in split.items():
        if not clips:
            raise InputError(
                f"no clips are left for {name}, since every class is kept in training; list more "
                "clips or groups of each class, or assign them in a column split"
            )
    return {name: split[name] for name in SETS if name in split}


def labels_of(group: Group) -> set[str]:
    return {label for clip in group for label in clip.labels}


def with_valid(train: list[Clip], test: list[Clip]) -> Split:
    """Return the three sets; a tenth of the training groups becomes the validation set."""
    rest, valid = without_valid(train)
    return covered({"train": rest, "valid": valid}) | {"test": test}


def with_folds(folds: dict[str, list[Clip]]) -> dict[str, Split]:
    """Return fold -> set -> clips, where each fold is the test set once."""
    return {
        name: with_valid(concatenated(folds[other] for other in folds if other != name), test)
        for name, test in folds.items()
    }


def as_given(table: Table) -> dict[str, Split]:
    """Return fold -> set -> clips as assigned by the column split or fold."""
    given: dict[str, list[Clip]] = {}
    for clip in table.clips:
        given.setdefault(clip.part or "", []).append(clip)
    if table.partition == "fold":
        if len(given) < 2:
            raise InputError(
                f"only {len(given)} fold in the column fold; cross-validation needs 2 or more"
            )
        return with_folds(dict(sorted(given.items())))
    for name in ("train", "test"):
        if name not in given:
            raise InputError(f"no clip has the split {name}; assign some to it")
    if "valid" in given:
        return {"": {name: given[name] for name in SETS}}
    return {"": with_valid(given["train"], given["test"])}


def divided_groups(table: Table) -> dict[str, list[str]]:
    """Return group -> parts for groups that the column split or fold divides."""
    parts: dict[str, set[str]] = {}
    for clip in table.clips:
        parts.setdefault(clip.group, set()).add(clip.part or "")
    return {group: sorted(of_group) for group, of_group in parts.items() if len(of_group) > 1}


def missing_classes(folds: Mapping[str, Split]) -> list[str]:
    """Return a line for each class that a set lacks, the rarest first.

    With folds only training sets count: the others are small, and a class may well be missing.
    """
    whole = next(iter(folds.values()))
    clips = Counter(label for clip in concatenated(whole.values()) for label in clip.labels)
    lacking: dict[str, list[str]] = {}
    for fold, sets in folds.items():
        for name in ["train"] if fold else SETS:
            found = {label for clip in sets[name] for label in clip.labels}
            where = f"the training set of fold {fold}" if fold else name
            for label in clips.keys() - found:
                lacking.setdefault(label, []).append(where)
    return [
        f"class {label}: {clips[label]} {plural(clips[label], 'clip')}: "
        f"none in {' and '.join(lacking[label])}"
        for label in sorted(lacking, key=lambda label: (clips[label], label))
    ]
