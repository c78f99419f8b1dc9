"""The results of an experiment on one test set, as the page shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asda.audio.wav_scp import AudioSegment, split_source
from asda.report.class_rows import ClassTable, class_table
from asda.report.confusion_cells import (
    Matrix,
    cell_rows,
    confusion_table,
    decision_rows,
    listed_rows,
)
from asda.report.listed_clips import ListedClips
from asda.report.recognised_clips import Recognition, recognition, worst_clips
from asda.report.reliability_chart import ReliabilityChart, reliability_chart
from asda.scoring.clip_tables import Row, read_sources
from asda.scoring.compare import metric_info, read_result
from asda.scoring.measurable import Metric
from asda.scoring.metrics import confusion_matrix
from asda.scoring.prediction_table import SHOWN_ERRORS, is_wrong, prediction_rows
from asda.scoring.predictions import ScoredClips
from asda.scoring.recognition_scores import RecognitionScores
from asda.scoring.result_notes import result_notes
from asda.scoring.results_page import metrics_of_folds, plain
from asda.scoring.score_kinds import read_scores
from asda.scoring.tables import clips_counted, number, with_interval


@dataclass
class SetResults:
    """One test set.

    Args:
        name: name of its score folder, from which identifiers in the page are made
        title: what was scored
        result: content of result.json
        errors: numbers in the page of the clips with the most confident errors
        wrong: number of all clips with errors
        matrix: None unless every clip has one label
        classes: None unless the scores are those of a classifier
        reliability: None unless the scores are those of a classifier
        lists: key of a cell of the matrix, or of a decision -> numbers of its clips
        sources: utterance -> its audio
        scored: the scores; None unless they are those of a classifier
        rows: the table of predictions
        recognition: None unless speech was recognised
    """

    name: str
    title: str
    result: dict[str, Any]
    errors: list[int] = field(default_factory=list)
    wrong: int = 0
    matrix: Matrix | None = None
    classes: ClassTable | None = None
    reliability: ReliabilityChart | None = None
    lists: dict[str, list[int]] = field(default_factory=dict)
    sources: dict[str, AudioSegment] = field(default_factory=dict)
    scored: ScoredClips | None = None
    rows: list[Row] = field(default_factory=list)
    recognition: Recognition | None = None

    @property
    def recognised(self) -> dict[str, str]:
        """Sections about recognised utterances."""
        return {} if self.recognition is None else self.recognition.sections

    @property
    def drawn(self) -> list[int]:
        """Numbers of the clips that are shown with spectrograms."""
        if self.recognition is None:
            return self.errors
        return [shown.clip for shown in self.recognition.worst]

    @property
    def headline(self) -> tuple[str, str, str]:
        """The main metric: its title, value and interval."""
        info = metric_info(self.result)[self.result["metric"]]
        found = self.result["metrics"][self.result["metric"]]
        ends = f"{number(info, found['low'])} to {number(info, found['high'])}"
        return info.title, number(info, found["value"]), ends

    @property
    def level(self) -> str:
        return f"{self.result['interval']['level']:.0%}"

    @property
    def clips(self) -> str:
        return clips_counted(self.result["clips"])

    @property
    def metrics(self) -> list[tuple[str, str]]:
        """Each metric with its interval."""
        measured = self.result["metrics"]
        info = metric_info(self.result)
        return [(metric.title, with_interval(metric, measured[n])) for n, metric in info.items()]

    @property
    def notes(self) -> list[str]:
        return result_notes(self.result)

    @property
    def folds(self) -> list[tuple[str, list[str]]]:
        """A row per fold, then mean and standard deviation; nothing without folds."""
        if "folds" not in self.result:
            return []
        info, over = self._fold_metrics, self.result["over_folds"]
        rows = [
            (fold["folder"], [with_interval(m, fold["metrics"][n]) for n, m in info.items()])
            for fold in self.result["folds"]
        ]
        for line, title in (("mean", "mean of folds"), ("std", "standard deviation of folds")):
            rows.append((title, [number(m, over[n][line]) for n, m in info.items()]))
        return rows

    @property
    def fold_titles(self) -> list[str]:
        return [metric.title for metric in self._fold_metrics.values()]

    @property
    def _fold_metrics(self) -> dict[str, Metric]:
        return metrics_of_folds(self.result, metric_info(self.result))

    @property
    def origin(self) -> list[tuple[str, str]]:
        """Where the result comes from: data, model, versions."""
        entries = {**self.result["provenance"], **self.result["environment"]}
        return [(key, plain(value)) for key, value in entries.items()]


def score_folders(folder: Path) -> list[Path]:
    """Return the score folders of an experiment; a score folder is its own."""
    if (folder / "result.json").is_file():
        return [folder]
    return sorted(path.parent for path in folder.glob("score*/result.json"))


def read_set_results(folder: Path, listed: ListedClips) -> SetResults:
    """Return the results in a score folder, and list its clips.

    Args:
        folder: the score folder
        listed: the clips of the page, to which those of this set are added

    Raises:
        InputError: if the folder is damaged.
    """
    result = read_result(folder)
    title = str(result["provenance"].get("data") or folder)
    if "folds" in result:
        title = f"{len(result['folds'])} folds, all clips pooled"
    found = SetResults(folder.name, title, result)
    if not (folder / "scores.npz").is_file():
        return found
    scored = read_scores(folder)
    if isinstance(scored, ScoredClips):
        _add_classifier(found, scored, _files(read_sources(folder)), listed)
    elif isinstance(scored, RecognitionScores):
        found.sources = _files(read_sources(folder))
        worst = worst_clips(scored, found.name, found.sources, listed)
        found.recognition = recognition(result, scored, worst)
    return found


def _files(sources: dict[str, AudioSegment]) -> dict[str, AudioSegment]:
    """Return the sources without those that are commands.

    Score folders come from others too, and looking at a result must not run what is written there.
    """
    return {u: found for u, found in sources.items() if split_source(found.source)[0] is not None}


def _add_classifier(
    found: SetResults, scored: ScoredClips, sources: dict[str, AudioSegment], listed: ListedClips
) -> None:
    found.scored, found.sources = scored, sources
    found.rows = prediction_rows(scored, sources)
    wrong = [row for row in found.rows if is_wrong(row)]
    found.wrong = len(wrong)
    found.errors = _numbers(found, wrong[:SHOWN_ERRORS], listed)
    one_label = not found.result["multi_label"]
    cells = cell_rows(found.rows) if one_label else decision_rows(found.rows)
    numbers = {key: _numbers(found, listed_rows(rows), listed) for key, rows in cells.items()}
    found.lists = {key: clips for key, clips in numbers.items() if clips}
    if one_label:
        confusion = confusion_matrix(scored.scores, scored.targets)
        found.matrix = confusion_table(confusion, scored.columns, set(found.lists))
    found.classes = class_table(found.result, cells, set(found.lists))
    found.reliability = reliability_chart(scored, found.result["metrics"].get("ECE"))


def _numbers(found: SetResults, rows: Sequence[Row], listed: ListedClips) -> list[int]:
    numbers = (listed.number(found.name, row, found.sources) for row in rows)
    return [number for number in numbers if number is not None]
