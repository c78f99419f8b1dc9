"""Sound and spectrograms of clips as data URIs, within a limit for the whole page."""

from __future__ import annotations

import base64
import io
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import soundfile
import torch
from matplotlib.image import imsave

from asda.audio.audio_error import AudioError
from asda.audio.wav_scp import AudioSegment
from asda.audio.waveform import audio_duration, read_audio
from asda.features.fbank import Fbank
from asda.features.fbank_config import FbankConfig
from asda.files import listed

LONGEST = 10.0  # seconds of a player or a spectrogram
BUDGET = 12_000_000  # bytes of all media of a page
MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
COLUMNS, ROWS = 320, 64  # pixels of a spectrogram at most


class Spectrogram(NamedTuple):
    """An image with what its axes mean.

    Args:
        uri: WebP as a data URI
        seconds: duration of the clip
        low: lower edge of the frequency axis in Hz
        high: upper edge of the frequency axis in Hz
    """

    uri: str
    seconds: float
    low: float
    high: float


class ClipMedia:
    """Players and spectrograms of clips, until the limit is reached.

    Args:
        segments: number of a clip -> its audio
        fbank: features of the spectrograms
        budget: largest number of bytes of all of them
    """

    def __init__(self, segments: dict[int, AudioSegment], fbank: FbankConfig, budget: int = BUDGET):
        self.segments = segments
        self.fbank = Fbank(fbank)
        self.left = budget
        self.players: dict[int, str] = {}
        self.spectrograms: dict[int, Spectrogram] = {}
        self.reasons: Counter[str] = Counter()
        self.is_full = False

    def add_players(self, numbers: Iterable[int]) -> None:
        """Make players of clips in this order, as long as there is room."""
        for number in numbers:
            if number in self.segments and number not in self.players and not self.is_full:
                self._add(number, draw=False)

    def add_drawn(self, numbers: Iterable[int]) -> None:
        """Make players with spectrograms of clips, as long as there is room."""
        for number in numbers:
            if number in self.segments and not self.is_full:
                self._add(number, draw=True)

    def _add(self, number: int, draw: bool) -> None:
        segment = self.segments[number]
        try:
            samples = self._read(segment)
        except AudioError as error:
            self.reasons[str(error).split(":")[0]] += 1
            del self.segments[number]
            return
        player = _sound_uri(samples, self.fbank.config.sample_rate)
        picture = self._spectrogram(samples) if draw else None
        size = len(player) + (len(picture.uri) if picture else 0)
        if size > self.left:
            self.is_full = True
            return
        self.left -= size
        self.players[number] = player
        if picture:
            self.spectrograms[number] = picture

    def _read(self, segment: AudioSegment) -> np.ndarray:
        """Return the first seconds of a clip, (samples,) float32.

        Raises:
            AudioError: if it cannot be read.
        """
        end = audio_duration(segment.source) if segment.end is None else segment.end
        return read_audio(
            segment.source,
            self.fbank.config.sample_rate,
            start=segment.start,
            end=min(end, segment.start + LONGEST),
            resampler=self.fbank.config.resampler,
            keep_silent=True,
        )

    def _spectrogram(self, samples: np.ndarray) -> Spectrogram | None:
        config = self.fbank.config
        if not config.num_frames(len(samples)):
            return None
        log_mel = self.fbank(torch.from_numpy(samples)).numpy().T[::-1]
        uri = _data_uri("image/webp", _picture(log_mel))
        seconds = len(samples) / config.sample_rate
        return Spectrogram(uri, seconds, config.low_freq, config.upper_freq)

    def note(self, clips: int) -> str:
        """Return why not all of the clips of a page have a player, in one sentence or two.

        Args:
            clips: number of clips that the page names
        """
        text = f"{len(self.players)} of {clips} clips listed here have a player"
        if self.players:
            text += f", which plays at most the first {LONGEST:g} s"
        reasons = [f"{count} ({why})" for why, count in self.reasons.items()]
        if self.is_full:
            reasons.append("the others would make the page too large")
        if missing := clips - len(self.segments) - self.reasons.total():
            reasons.append(f"{missing} whose audio file is not known")
        return f"{text}. No player: {listed(reasons, 5, '; ')}." if reasons else f"{text}."


def _sound_uri(samples: np.ndarray, rate: int) -> str:
    """Return MP3, which all browsers play, or WAV where libsndfile cannot write it."""
    stream = io.BytesIO()
    if rate in MP3_RATES and "MP3" in soundfile.available_formats():
        soundfile.write(stream, samples, rate, format="MP3")
        return _data_uri("audio/mpeg", stream.getvalue())
    soundfile.write(stream, samples, rate, format="WAV", subtype="PCM_16")
    return _data_uri("audio/wav", stream.getvalue())


def _picture(log_mel: np.ndarray) -> bytes:
    """Return a spectrogram, (mel, frames) with the highest filter first, as WebP."""
    small = _averaged(_averaged(log_mel, ROWS).T, COLUMNS).T
    low, high = np.percentile(small, [5, 99.5])
    stream = io.BytesIO()
    imsave(
        stream,
        small,
        vmin=low,
        vmax=max(high, low + 1),
        cmap="magma",
        format="webp",
        pil_kwargs={"quality": 75},
    )
    return stream.getvalue()


def _averaged(rows: np.ndarray, most: int) -> np.ndarray:
    """Return at most `most` rows, means over neighbours."""
    count = len(rows)
    if count <= most:
        return rows
    edges = np.linspace(0, count, most + 1).astype(int)
    sums = np.add.reduceat(rows, edges[:-1], axis=0)
    means: np.ndarray = sums / np.diff(edges)[:, None]
    return means


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
