"""The clips that a page names, each once and with a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from asda.audio.wav_scp import AudioSegment
from asda.scoring.clip_tables import Row, times_of
from asda.scoring.tables import shorten_middle

MOST_CLIPS = 5000  # named in a page; their names alone would fill it otherwise
LONGEST = 200  # characters of a name or a list of labels


@dataclass
class ListedClips:
    """The clips of a page.

    Args:
        clips: what the page shows of each clip, by its number
        segments: number -> the audio of the clip, where it is known
    """

    clips: list[dict[str, Any]] = field(default_factory=list)
    segments: dict[int, AudioSegment] = field(default_factory=dict)
    _numbers: dict[tuple[str, str], int] = field(default_factory=dict)

    def number(self, test_set: str, row: Row, sources: Mapping[str, AudioSegment]) -> int | None:
        """Return the number of a clip, which is listed if it is not yet; None if there is no room.

        Args:
            test_set: name of the set, since two sets may use one name for two clips
            row: row of the clip in the table of its score folder
            sources: utterance -> its audio
        """
        key = (test_set, row["utterance"])
        if key not in self._numbers and len(self.clips) < MOST_CLIPS:
            number = self._numbers[key] = len(self.clips)
            self.clips.append(_shown(row))
            if segment := sources.get(row["utterance"]):
                self.segments[number] = segment
        return self._numbers.get(key)


def _shown(row: Row) -> dict[str, Any]:
    named = {
        "name": short(row["utterance"]),
        "file": short(row["file"] or ""),
        "times": times_of(row),
    }
    return named | _decision(row) if "predicted" in row else named


def _decision(row: Row) -> dict[str, str]:
    """Return what is shown of the decision of a classifier."""
    return {
        "true": short(row["true"]) or "no label",
        "predicted": short(row["predicted"]) or "no label",
        "score": f"{row['score']:.3f}",
        "margin": f"{row['margin']:.3f}".replace("-", "−"),
        # With several labels per clip, the score is that of the worst decision.
        "scored": short(row.get("worst", row["predicted"])),
    }


def short(text: object) -> str:
    """Return a name or a list of labels at a length that a page can show."""
    return shorten_middle(str(text), LONGEST)
