"""Cut clips into windows of normalised features, while they are read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from asda.audio.audio_error import AudioError
from asda.features.fbank import Fbank
from asda.features.normalization import AnyNormalization
from asda.inference.audio_input import Source, Waveform
from asda.inference.log_mel_stream import LogMelStream

OVERLAP = 8  # windows whose results are joined over time overlap by a part of this


class Windowing(NamedTuple):
    """Where windows lie in a clip; all numbers are frames.

    The first window begins at the start of the clip, and further ones follow at every `hop` until
    one reaches the end. The last one ends where the clip ends, or up to `align` - 1 frames later.

    Args:
        length: of a window; a clip that is shorter is one window
        hop: from the start of a window to that of the next
        align: all starts are multiples of it
    """

    length: int
    hop: int
    align: int = 1


def overlapping(length: int, stride: int) -> Windowing:
    """Return windows that overlap by an eighth, so that results over time can be joined.

    Args:
        length: of a window in frames
        stride: frames from one patch to the next; windows begin where a patch does
    """
    hop = math.ceil(length * (1 - 1 / OVERLAP) / stride) * stride
    return Windowing(length, min(hop, length), stride)


class FeatureWindow(NamedTuple):
    """A window of a clip, or the reason why a clip has no further windows.

    Args:
        number: of the clip
        start: seconds into its recording
        end: seconds into its recording
        first: frame of the clip at which the window begins
        features: normalised features (frames, mel) float32
        last: whether this is the last one of the clip
        error: why the audio cannot be used
    """

    number: int
    start: float = 0.0
    end: float = 0.0
    first: int = 0
    features: np.ndarray = np.empty((0, 0), np.float32)
    last: bool = True
    error: AudioError | None = None


class WindowReader:
    """Reads clips as windows.

    Args:
        fbank: the filterbank
        normalization: of its values
        windowing: where the windows lie
    """

    def __init__(self, fbank: Fbank, normalization: AnyNormalization, windowing: Windowing):
        self.fbank = fbank
        self.normalization = normalization
        self.windowing = windowing

    def read(self, number: int, source: Source) -> Iterator[FeatureWindow]:
        """Yield the windows of a clip, up to one with the error by which reading ends."""
        config = self.fbank.config
        offset = 0.0 if isinstance(source, Waveform) else source.start
        stream = LogMelStream(source, self.fbank)
        try:
            for first, log_mel, last in windows_of(stream, self.windowing):
                start = first * config.frame_shift
                end = stream.samples if last else start + len(log_mel) * config.frame_shift
                yield FeatureWindow(
                    number,
                    offset + start / config.sample_rate,
                    offset + end / config.sample_rate,
                    first,
                    self.normalization(log_mel),
                    last,
                )
        except AudioError as error:
            yield FeatureWindow(number, error=error)


def windows_of(
    blocks: Iterable[np.ndarray], windowing: Windowing
) -> Iterator[tuple[int, np.ndarray, bool]]:
    """Yield first frame, rows and whether it is the last, of each window of a matrix.

    Args:
        blocks: of its rows (rows, mel), at least one
        windowing: where the windows lie
    """
    length, hop, align = windowing
    iterator = iter(blocks)
    held, held_from, start = next(iterator), 0, 0
    ended = False
    while not ended:
        block = next(iterator, None)
        if block is None:
            ended = True
        else:
            kept = min(start, held_from + len(held) - length - align) - held_from
            held = np.concatenate([held[max(0, kept) :], block])
            held_from += max(0, kept)
        while start + length < held_from + len(held):
            yield start, held[start - held_from :][:length], False
            start += hop
    end = held_from + len(held)
    start = max(0, math.ceil((end - length) / align) * align)
    yield start, held[start - held_from :], True
