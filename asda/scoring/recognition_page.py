"""The part of RESULTS.md about recognised utterances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from asda.files import plural
from asda.scoring.aligned_text import aligned_lines, operations_in_words
from asda.scoring.clip_tables import HYPOTHESES, Row, link_to
from asda.scoring.recognition_rows import ENDS, most_frequent, worst_first
from asda.scoring.recognition_scores import ERROR_RATES, RecognitionScores
from asda.scoring.tables import markdown_table, number, with_interval

SHOWN_UTTERANCES = 10
SHOWN_CONFUSIONS = 10  # of each kind of error
SHOWN_SPEAKERS = 10
UNITS = {"clip": "utterances", "group": "groups"}  # what intervals draw


def recognition_sections(
    result: Mapping[str, Any], scored: RecognitionScores, rows: Sequence[Row]
) -> list[str]:
    """Return the Markdown blocks.

    Args:
        result: the content of result.json
        scored: the utterances
        rows: of hypotheses.tsv
    """
    return [
        *_kinds_of_errors(result),
        *_over_speakers(result),
        *_groups(result["per_language"], "language", "per_language.tsv"),
        *_groups(result["per_speaker"], "speaker", "per_speaker.tsv"),
        *_confusions(result),
        *_utterances(scored, rows),
    ]


def _kinds_of_errors(result: Mapping[str, Any]) -> list[str]:
    words = result["words"]
    rows = [
        (name, words[name], number(ERROR_RATES["WER"], _fraction(words[name], words["reference"])))
        for name in ("substitutions", "deletions", "insertions")
    ]
    sections = ["## Word errors", markdown_table(["", "number", "% of the words"], rows)]
    if empty := result["empty_references"]:
        which = "One reference is" if empty == 1 else f"{empty} references are"
        sections.append(f"{which} empty; words that were recognised there count as insertions.")
    return sections


def _fraction(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _over_speakers(result: Mapping[str, Any]) -> list[str]:
    found = result["over_speakers"]
    if found is None:
        return []
    sections = ["## Intervals over speakers"]
    if found["metrics"]:
        both = (result["metrics"], found["metrics"])
        rows = [
            (metric.title, *(with_interval(metric, measured[name]) for measured in both))
            for name, metric in ERROR_RATES.items()
        ]
        unit = UNITS[result["interval"]["unit"]]
        speakers = f"{found['speakers']} {plural(found['speakers'], 'speaker')}"
        titles = [f"over {unit}", f"over {speakers}"]
        sections.append(markdown_table(["metric", *titles], rows))
    return sections + ([found["note"]] if found["note"] else [])


def _groups(groups: Sequence[Mapping[str, Any]], name: str, file: str) -> list[str]:
    """Return the table of speakers or languages, those with the highest word error rate first."""
    if len(groups) < 2:
        return []
    shown = groups[:SHOWN_SPEAKERS] if name == "speaker" else groups
    rows = [(row[name], row["utterances"], row["words"], *rates_of(row)) for row in shown]
    title = f"## {name.capitalize()}s"
    if len(shown) < len(groups):
        title += f": the {len(shown)} of {len(groups)} with the highest word error rate"
    titles = [metric.title for metric in ERROR_RATES.values()]
    return [title, markdown_table([name, "utterances", "words", *titles], rows), f"All: `{file}`."]


def rates_of(row: Mapping[str, Any]) -> list[str]:
    """Return the error rates of a speaker or language with their intervals, as they are printed."""
    keys = dict(zip(("value", "low", "high"), ENDS, strict=True))
    return [
        with_interval(metric, {key: row[f"{name}{end}"] for key, end in keys.items()})
        for name, metric in ERROR_RATES.items()
    ]


def _confusions(result: Mapping[str, Any]) -> list[str]:
    """Return the most frequent errors of each kind."""
    found = result["word_confusions"]
    if not found:
        return []
    rows = [tuple(row.values()) for row in most_frequent(found, SHOWN_CONFUSIONS)]
    return [
        "## Most frequent word errors",
        markdown_table(["error", "reference", "hypothesis", "count"], rows),
        "All: `word_confusions.tsv`.",
    ]


def _utterances(scored: RecognitionScores, rows: Sequence[Row]) -> list[str]:
    """Return the utterances with the most errors, aligned, with links to their audio."""
    blocks = []
    for row, clip in zip(rows, worst_first(scored)[:SHOWN_UTTERANCES], strict=False):
        if row["errors"]:
            lines = "\n".join(aligned_lines(scored.alignments[clip]))
            blocks.append(f"{link_to(row)}: {operations_in_words(scored.operations[clip])}")
            blocks.append(f"```text\n{lines}\n```")
    if not blocks:
        return []
    wrong = sum(bool(row["errors"]) for row in rows)
    listed = f"`{HYPOTHESES}` and `alignments.txt` list all {len(rows)} utterances in this order"
    return [
        "## Utterances with the most errors",
        *blocks,
        f"{listed}, {wrong} of them with errors.",
    ]
