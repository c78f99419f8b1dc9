"""Progress over files of very different lengths, with the rate and the time that is left."""

from __future__ import annotations

import time
from typing import Any

from asda.apply.inputs import AudioInput
from asda.audio.audio_error import AudioError
from asda.audio.wav_scp import is_command
from asda.audio.waveform import audio_duration
from asda.files import readable_duration
from asda.terminal_bar import Bar


class AudioBar(Bar):
    """The bar of files, of which a long one counts by the part that is done.

    It shows `12/500 2 % 310 x real time, 2 min left`.
    """

    def __init__(self, total: int):
        self._began, self._seconds, self._position = time.monotonic(), 0.0, 0.0
        self._lengths: dict[str, float] = {}  # of the present file
        super().__init__(total=total)

    def show(self, one: AudioInput, start: float, end: float, last: bool) -> None:
        """Move the bar.

        Args:
            one: the present file
            start: of what was computed last of it, in seconds
            end: of it
            last: whether the file is done with it
        """
        if self.disable:
            return
        self._seconds += max(0.0, end - max(start, self._position))
        self._position = 0.0 if last else end
        done = int(self.n) + 1.0 if last else int(self.n) + self._part(one, end)
        self.update(max(0.0, done - self.n))

    @property
    def format_dict(self) -> dict[str, Any]:
        """The quantities of the line."""
        values = dict(super().format_dict)
        done, spent = values["n"], time.monotonic() - self._began
        values["done"] = int(done)
        if not done or not spent:
            return values | {"pace": ""}
        left = readable_duration((values["total"] - done) * spent / done)
        pace = f"{self._seconds / spent:.0f} x real time, {left} left "
        return values | {"pace": pace}

    def _part(self, one: AudioInput, end: float) -> float:
        """Return which part of a file ends at a time, below 1; 0 if its length is not known."""
        if one.name not in self._lengths:
            self._lengths = {one.name: _length(one)}
        start, length = one.audio.start, self._lengths[one.name]
        return min(0.999, (end - start) / length) if length else 0.0


def _length(one: AudioInput) -> float:
    """Return the seconds of an input, 0 if that would take long or it cannot be read."""
    audio = one.audio
    if audio.end is not None or is_command(audio.source):
        return (audio.end or audio.start) - audio.start
    try:
        return audio_duration(audio.source) - audio.start
    except AudioError:
        return 0.0
