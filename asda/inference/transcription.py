"""The transcription of a recording: segments and words with their times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PAUSE = 0.5  # seconds without a word that end a segment, unless something else is asked for


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A recognised word.

    Args:
        word: as the units spell it
        start: in seconds
        end: in seconds
        confidence: geometric mean of the probabilities of its units, each where it begins
    """

    word: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True, slots=True)
class SpokenSegment:
    """Words without a long pause between them.

    Args:
        start: of the first word in seconds
        end: of the last word in seconds
        text: the words, separated by spaces
        words: at least one
    """

    start: float
    end: float
    text: str
    words: list[SpokenWord]


@dataclass(frozen=True, slots=True)
class Transcription:
    """The spoken text of a recording.

    Args:
        text: all words, separated by spaces; "" without speech
        segments: in order
    """

    text: str
    segments: list[SpokenSegment]

    @property
    def words(self) -> list[SpokenWord]:
        """The words of all segments."""
        return [word for segment in self.segments for word in segment.words]


def text_of(words: Sequence[SpokenWord]) -> str:
    """Return words separated by spaces."""
    return " ".join(word.word for word in words)


def transcription_of(words: Sequence[SpokenWord], pause: float) -> Transcription:
    """Return words with the segments that they form.

    Args:
        words: in order
        pause: seconds from the end of a word to the start of the next that end a segment
    """
    groups: list[list[SpokenWord]] = []
    for word in words:
        if groups and word.start - groups[-1][-1].end < pause:
            groups[-1].append(word)
        else:
            groups.append([word])
    segments = [
        SpokenSegment(group[0].start, group[-1].end, text_of(group), group) for group in groups
    ]
    return Transcription(text_of(words), segments)
