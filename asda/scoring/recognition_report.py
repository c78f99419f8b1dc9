"""What a score folder reports about recognised utterances."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asda.files import atomic_write, plural
from asda.scoring.aligned_text import aligned_lines, operations_in_words
from asda.scoring.clip_tables import HYPOTHESES, Sources, write_clip_table
from asda.scoring.recognition_page import recognition_sections
from asda.scoring.recognition_rows import (
    confusion_rows,
    group_rows,
    hypothesis_rows,
    most_frequent,
    over_speakers,
    totals,
    worst_first,
)
from asda.scoring.recognition_scores import UNKNOWN, RecognitionScores
from asda.scoring.reports import PageParts, Report
from asda.scoring.tables import write_tsv

LISTED_CONFUSIONS = 50  # of each kind of error, in result.json
GROUPS = {"per_speaker": "speakers", "per_language": "languages"}  # entries and files
CONFUSION_COLUMNS = ["error", "reference", "hypothesis", "count"]


class RecognitionReport(Report):
    """Error rates over utterances and over speakers, confused words, and aligned errors.

    Args:
        scored: the utterances
        sources: utterance -> its audio, where it is known
    """

    def __init__(self, scored: RecognitionScores, sources: Sources):
        super().__init__(scored)
        self.scored = scored
        self.rows = hypothesis_rows(scored, sources)
        self.confusions = confusion_rows(scored)

    def entries(self) -> dict[str, Any]:
        found = totals(self.scored.operations)
        return {
            "words": {"reference": found.words, **found._asdict()},
            "empty_references": int((self.scored.references == "").sum()),
            "over_speakers": over_speakers(self.scored),
            **{entry: group_rows(self.scored, column) for entry, column in GROUPS.items()},
            "word_confusions": most_frequent(self.confusions, LISTED_CONFUSIONS),
        }

    def write_files(self, folder: Path, result: Mapping[str, Any]) -> None:
        """Write the files of speech recognition, see write_results."""
        write_clip_table(folder / HYPOTHESES, self.rows)
        self._write_trn(folder / "ref.trn", self.scored.references.tolist())
        self._write_trn(folder / "hyp.trn", self.scored.hypotheses.tolist())
        self._write_alignments(folder / "alignments.txt")
        rows = [row.values() for row in self.confusions]
        write_tsv(folder / "word_confusions.tsv", CONFUSION_COLUMNS, rows)
        for entry in GROUPS:
            path, groups = folder / f"{entry}.tsv", result[entry]
            path.unlink(missing_ok=True)  # an earlier result may have known groups
            if groups:
                write_tsv(path, list(groups[0]), [row.values() for row in groups])

    def _write_trn(self, path: Path, texts: list[str]) -> None:
        """Write a text per line with "(speaker-utterance)" at its end, as sclite reads them."""
        with atomic_write(path) as stream:
            names = zip(self.scored.speakers, self.scored.utterances, strict=True)
            for text, (speaker, utterance) in zip(texts, names, strict=True):
                name = utterance if speaker == UNKNOWN else f"{speaker}-{utterance}"
                stream.write(f"{text} ({name})\n".lstrip())

    def _write_alignments(self, path: Path) -> None:
        with atomic_write(path) as stream:
            for clip in worst_first(self.scored):
                errors = operations_in_words(self.scored.operations[clip])
                lines = aligned_lines(self.scored.alignments[clip])
                stream.write("\n".join([f"{self.scored.utterances[clip]}: {errors}", *lines, "\n"]))

    def page_parts(self, result: Mapping[str, Any]) -> PageParts:
        words = result["words"]["reference"]
        return PageParts(
            subject=f"{plural(len(self.scored), 'utterance')} with {words} words",
            sections=recognition_sections(result, self.scored, self.rows),
        )
