"""Rows about recognised utterances: each of them, each speaker or language, each confusion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from asda.scoring.clip_tables import Row, Sources, place_of
from asda.scoring.intervals import intervals
from asda.scoring.recognition_scores import UNKNOWN, RecognitionScores
from asda.scoring.word_alignment import Operations

ENDS = ("", "_low", "_high")  # of the names of an error rate and its interval
KINDS = {"S": "substitution", "D": "deletion", "I": "insertion"}


def worst_first(scored: RecognitionScores) -> list[int]:
    """Return the numbers of all utterances, those with the most word errors first.

    Equal numbers are ordered by character errors, then by utterance.
    """
    keys = (scored.utterances, -scored.character_errors, -scored.word_errors)
    order: list[int] = np.lexsort(keys).tolist()
    return order


def hypothesis_rows(scored: RecognitionScores, sources: Sources) -> list[Row]:
    """Return a row per utterance, columns as in docs/files.md, the most word errors first.

    Args:
        scored: the utterances
        sources: utterance -> its audio, where it is known
    """
    return [
        {
            "utterance": (utterance := str(scored.utterances[clip])),
            **place_of(sources.get(utterance)),
            "speaker": str(scored.speakers[clip]),
            "language": str(scored.languages[clip]),
            "errors": scored.operations[clip].errors,
            "words": scored.operations[clip].words,
            "character_errors": int(scored.character_errors[clip]),
            "characters": len(scored.references[clip]),
            "reference": str(scored.references[clip]),
            "hypothesis": str(scored.hypotheses[clip]),
        }
        for clip in worst_first(scored)
    ]


def confusion_rows(scored: RecognitionScores) -> list[Row]:
    """Return each word error with its number of occurrences, the most frequent first.

    Args:
        scored: the utterances
    """
    counts = Counter(
        (word.operation, *word)
        for words in scored.alignments
        for word in words
        if word[0] != word[1]
    )
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [
        {"error": KINDS[kind], "reference": reference, "hypothesis": hypothesis, "count": count}
        for (kind, reference, hypothesis), count in ranked
    ]


def most_frequent(rows: Sequence[Row], most: int) -> list[Row]:
    """Return at most `most` substitutions, then deletions, then insertions.

    Args:
        rows: word errors, the most frequent first
        most: of each kind
    """
    kinds = [[row for row in rows if row["error"] == kind] for kind in KINDS.values()]
    return [row for kind in kinds for row in kind[:most]]


def totals(operations: list[Operations]) -> Operations:
    """Return the sums over utterances."""
    return Operations(*map(sum, zip(*operations, strict=True)))


def group_rows(scored: RecognitionScores, column: str) -> list[Row]:
    """Return a row per speaker or language with its error rates, the highest WER first.

    Intervals are over the utterances of the group.

    Args:
        scored: the utterances; those of an unknown group are left out
        column: "speakers" or "languages"
    """
    groups = getattr(scored, column)
    rows = []
    for group in np.unique(groups[groups != UNKNOWN]).tolist():
        part = scored.select(np.flatnonzero(groups == group))
        found = totals(part.operations)
        row = {column[:-1]: group, "utterances": len(part), "words": found.words}
        for name, interval in intervals(part.measurable()).items():
            row |= {f"{name}{end}": value for end, value in zip(ENDS, interval, strict=True)}
        rows.append(row | _errors(found))
    # A group whose references are all empty has no error rate; it comes last.
    return sorted(rows, key=lambda row: -np.nan_to_num(row["WER"], nan=-1))


def _errors(found: Operations) -> dict[str, int]:
    names = ("substitutions", "deletions", "insertions")
    return {name: getattr(found, name) for name in names}


def over_speakers(scored: RecognitionScores) -> dict[str, Any] | None:
    """Return error rates with intervals for which speakers are drawn whole, and what limits them.

    There are none without speakers.
    """
    unknown = int((scored.speakers == UNKNOWN).sum())
    if unknown == len(scored):
        return None
    speakers, groups = np.unique(scored.speakers, return_inverse=True)
    entry: dict[str, Any] = {"speakers": len(speakers) - bool(unknown), "metrics": {}, "note": None}
    if unknown:
        entry["note"] = f"{unknown} utterances have no speaker, so speakers cannot be drawn."
        return entry
    measured = intervals(scored.measurable(), groups)
    entry["metrics"] = {name: interval._asdict() for name, interval in measured.items()}
    if len(speakers) == 1:
        entry["note"] = (
            "All utterances are of one speaker. They do not show how error rates vary between"
            " speakers, so these intervals have no ends."
        )
    return entry
