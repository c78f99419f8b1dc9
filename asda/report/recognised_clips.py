"""Recognised utterances of a page: aligned words, speakers and languages, confused words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asda.report.listed_clips import ListedClips, short
from asda.scoring.aligned_text import operations_in_words
from asda.scoring.clip_tables import Sources
from asda.scoring.measurable import Metric
from asda.scoring.recognition_page import rates_of
from asda.scoring.recognition_rows import hypothesis_rows, most_frequent, worst_first
from asda.scoring.recognition_scores import ERROR_RATES, RecognitionScores
from asda.scoring.tables import with_interval
from asda.scoring.word_alignment import AlignedWord

SHOWN_UTTERANCES = 20
SHOWN_CONFUSIONS = 20  # of each kind of error
MOST_WORDS = 200  # of an alignment
MOST_GROUPS = 500  # rows of a table


@dataclass
class RecognisedClip:
    """An utterance with errors.

    Args:
        clip: number of the utterance in the page
        errors: numbers of its errors, in words
        words: its alignment; a long one is cut
        is_cut: whether it was cut
    """

    clip: int
    errors: str
    words: Sequence[AlignedWord]
    is_cut: bool


@dataclass
class GroupTable:
    """Error rates of speakers or languages, the highest word error rate first.

    Args:
        name: "speaker" or "language"
        rows: name, utterances, words and each error rate
        total: number of all rows
    """

    name: str
    rows: list[tuple[str, ...]]
    total: int


@dataclass
class Recognition:
    """What a page shows of a recognised test set beyond its error rates.

    Args:
        worst: the utterances with the most word errors
        wrong: number of all utterances with errors
        total: number of utterances
        groups: speakers and languages, where there are several
        confusions: kind of error, reference, hypothesis, count
        speakers: number of speakers that intervals over speakers draw from; 0 = there are none
        over_speakers: title of each error rate, and the rate with such an interval
        note: what limits these intervals
    """

    worst: list[RecognisedClip]
    wrong: int
    total: int
    groups: list[GroupTable]
    confusions: list[tuple[Any, ...]]
    speakers: int
    over_speakers: list[tuple[str, str]]
    note: str

    @property
    def sections(self) -> dict[str, str]:
        """Identifiers of the sections, without that of the test set, with their titles."""
        found = {"utterances": "Utterances with the most errors"} if self.worst else {}
        found |= {table.name: f"{table.name.capitalize()}s" for table in self.groups}
        return found | ({"words": "Most frequent word errors"} if self.confusions else {})

    @property
    def rates(self) -> list[str]:
        """Titles of the error rates."""
        return [metric.title for metric in ERROR_RATES.values()]


def worst_clips(
    scored: RecognitionScores, test_set: str, sources: Sources, listed: ListedClips
) -> list[RecognisedClip]:
    """Return the utterances with the most word errors, and list them.

    Args:
        scored: all utterances
        test_set: name of the set
        sources: utterance -> its audio
        listed: the clips of the page, to which they are added
    """
    rows = hypothesis_rows(scored, sources)[:SHOWN_UTTERANCES]
    shown = []
    for row, utterance in zip(rows, worst_first(scored), strict=False):
        clip = listed.number(test_set, row, sources) if row["errors"] else None
        if clip is not None:
            words = scored.alignments[utterance]
            errors = operations_in_words(scored.operations[utterance])
            is_cut = len(words) > MOST_WORDS
            shown.append(RecognisedClip(clip, errors, words[:MOST_WORDS], is_cut))
    return shown


def recognition(
    result: Mapping[str, Any], scored: RecognitionScores, worst: list[RecognisedClip]
) -> Recognition:
    """Return what a page shows of a test set.

    Args:
        result: content of result.json
        scored: the utterances
        worst: the utterances with the most errors
    """
    over = result["over_speakers"] or {"speakers": 0, "metrics": {}, "note": None}
    tables = [_group_table(result[f"per_{name}"], name) for name in ("language", "speaker")]
    confused = most_frequent(result["word_confusions"], SHOWN_CONFUSIONS)
    return Recognition(
        worst,
        int((scored.word_errors > 0).sum()),
        len(scored),
        [table for table in tables if table.total > 1],
        [tuple(short(cell) for cell in row.values()) for row in confused],
        over["speakers"],
        [_rate(ERROR_RATES[name], found) for name, found in over["metrics"].items()],
        over["note"] or "",
    )


def _rate(metric: Metric, found: Mapping[str, float | None]) -> tuple[str, str]:
    return metric.title, with_interval(metric, found)


def _group_table(groups: Sequence[Mapping[str, Any]], name: str) -> GroupTable:
    rows = [
        (short(row[name]), str(row["utterances"]), str(row["words"]), *rates_of(row))
        for row in groups[:MOST_GROUPS]
    ]
    return GroupTable(name, rows, len(groups))
