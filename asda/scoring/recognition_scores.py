"""Recognised texts of utterances and their references: word, character and sentence errors."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import numpy as np

from asda.files import InputError
from asda.scoring.measurable import Metric
from asda.scoring.scored_set import ScoredSet
from asda.scoring.utterance_ratios import RatioMetrics
from asda.scoring.word_alignment import (
    AlignedWord,
    Operations,
    aligned_words,
    character_errors,
    count_operations,
)

ERROR_RATES = {
    name: Metric(title=f"{name} %", higher_is_better=False, low=0, high=high, factor=100, digits=1)
    for name, high in (("WER", None), ("CER", None), ("SER", 1))
}
UNKNOWN = ""  # speaker or language of an utterance


class RecognitionScores(ScoredSet):
    """References and hypotheses of utterances (docs/recognition.md#scores).

    Texts are compared as they are, except that words are separated by one space; normalise both by
    the same text rules first. An empty reference or hypothesis is one without words.

    Args:
        utterances: (clips,) str
        references: (clips,) str
        hypotheses: (clips,) str
        speakers: (clips,) str, "" = unknown; None = all are
        languages: (clips,) str, in the same way

    Raises:
        InputError: if there are no utterances.
        ValueError: if the numbers of entries differ.
    """

    kind = "recognition"
    per_clip = ("utterances", "references", "hypotheses", "speakers", "languages")
    columns_name = "list of metrics"

    def __init__(
        self,
        utterances: Sequence[str] | np.ndarray,
        references: Sequence[str] | np.ndarray,
        hypotheses: Sequence[str] | np.ndarray,
        speakers: Sequence[str] | np.ndarray | None = None,
        languages: Sequence[str] | np.ndarray | None = None,
    ):
        unknown = np.full(len(utterances), UNKNOWN)
        self.utterances = np.asarray(utterances, dtype=str)
        self.references = _texts(references)
        self.hypotheses = _texts(hypotheses)
        self.speakers = np.asarray(unknown if speakers is None else speakers, dtype=str)
        self.languages = np.asarray(unknown if languages is None else languages, dtype=str)
        sizes = {name: len(column) for name, column in self.arrays().items()}
        if len(set(sizes.values())) > 1:
            raise ValueError(f"numbers of entries differ: {sizes}")
        if not len(self):
            raise InputError("no utterances were recognised")

    @property
    def columns(self) -> list[str]:
        return list(ERROR_RATES)

    def same_truth(self, other: RecognitionScores) -> np.ndarray:
        same: np.ndarray = self.references == other.references
        return same

    @functools.cached_property
    def alignments(self) -> list[list[AlignedWord]]:
        """The aligned words of each utterance."""
        return [aligned_words(*texts) for texts in self._pairs()]

    @functools.cached_property
    def operations(self) -> list[Operations]:
        """The numbers of correct words and of errors of each utterance."""
        return [count_operations(words) for words in self.alignments]

    @functools.cached_property
    def character_errors(self) -> np.ndarray:
        """Character errors of each utterance, (clips,) int64."""
        return np.array([character_errors(*texts) for texts in self._pairs()], dtype=np.int64)

    @functools.cached_property
    def word_errors(self) -> np.ndarray:
        """Word errors of each utterance, (clips,) int64."""
        return np.array([found.errors for found in self.operations], dtype=np.int64)

    def _pairs(self) -> list[tuple[str, str]]:
        return list(zip(self.references.tolist(), self.hypotheses.tolist(), strict=True))

    def measurable(self) -> RatioMetrics:
        words = np.array([found.words for found in self.operations])
        errors = self.word_errors
        numerators = [errors, self.character_errors, errors > 0]
        denominators = [words, np.char.str_len(self.references), np.ones(len(self))]
        return RatioMetrics(
            np.stack(numerators, axis=1).astype(np.float64),
            np.stack(denominators, axis=1).astype(np.float64),
            ERROR_RATES,
        )

    def arrays(self) -> dict[str, np.ndarray]:
        return {name: getattr(self, name) for name in self.per_clip}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> RecognitionScores:
        return cls(**{name: arrays[name] for name in cls.per_clip})


def _texts(texts: Sequence[str] | np.ndarray) -> np.ndarray:
    """Return texts whose words are separated by one space, (clips,) str."""
    return np.array([" ".join(str(text).split()) for text in texts], dtype=str)
