"""Labels per clip of a data directory, from which loss and metric follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from asda.corpus.datadir import DataDir
from asda.files import InputError


@dataclass
class LabelCounts:
    """Labels per clip, and clips per class.

    Attributes:
        path: the utt2label that was counted
        clips: number of its clips
        several: clips with more than one label
        none: clips without a label
        first: the first clip with several labels, and the first without any
        combinations: labels of a clip -> clips with exactly these
    """

    path: Path
    clips: int = 0
    several: int = 0
    none: int = 0
    first: dict[str, str] = field(default_factory=dict)
    combinations: Counter[tuple[str, ...]] = field(default_factory=Counter)

    @property
    def one_each(self) -> bool:
        """Whether every clip has exactly one label."""
        return not self.several and not self.none

    @property
    def per_class(self) -> Counter[str]:
        """Clips of each class that has any."""
        counts: Counter[str] = Counter()
        for labels, clips in self.combinations.items():
            for label in labels:
                counts[label] += clips
        return counts

    def others(self) -> str:
        """Return which clips do not have one label: "3 of 18 have several labels (first: u1)"."""
        parts = [
            f"{count} of {self.clips} clips have {what} (first: {self.first[key]})"
            for key, count, what in (
                ("several", self.several, "several labels"),
                ("none", self.none, "no label"),
            )
            if count
        ]
        return " and ".join(parts)


def count_labels(directory: DataDir, utterances: Sequence[str] | None = None) -> LabelCounts:
    """Return the counts of the utterances of a data directory that have a line in utt2label.

    Args:
        directory: with utt2label and labels.txt
        utterances: count only these (None = all)

    Raises:
        InputError: as `DataDir.utt2label`.
    """
    counts = LabelCounts(directory.path / "utt2label")
    labels = directory.utt2label
    for utterance in directory.utterances if utterances is None else utterances:
        if (own := labels.get(utterance)) is None:
            continue
        combination = tuple(sorted(set(own)))
        counts.clips += 1
        counts.combinations[combination] += 1
        if len(combination) != 1:
            counts.first.setdefault("several" if combination else "none", utterance)
            counts.several += len(combination) > 1
            counts.none += not combination
    return counts


def refuse_equal_labels(counts: LabelCounts) -> None:
    """Refuse training clips that all have the same labels.

    Raises:
        InputError: naming these labels.
    """
    if len(counts.combinations) == 1:
        labels = " ".join(next(iter(counts.combinations))) or "none"
        raise InputError(
            f"{counts.path}: all {counts.clips} clips have the same labels ({labels}), so there is"
            " nothing to tell apart; add clips of other classes, or clips without a label"
        )
