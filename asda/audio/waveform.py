"""Audio of a wav.scp entry: files, segments of files, archives and commands."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np

from asda.audio.audio_error import AudioError as AudioError
from asda.audio.decoding import decode_blocks, length, part_of
from asda.audio.hdf5 import packed_length, read_packed
from asda.audio.mono import MonoMix
from asda.audio.recording import Recording, open_recording
from asda.audio.resampling import Resampler, resampled
from asda.audio.wav_scp import PackedClip, packed_clip
from asda.files import OF_THE_MACHINE


def read_audio(
    source: str,
    sample_rate: int = 16000,
    channel: int | None = None,
    start: float = 0.0,
    end: float | None = None,
    resampler: Resampler = "soxr",
    keep_silent: bool = False,
) -> np.ndarray:
    """Return audio as mono (samples,) float32 at `sample_rate`, integer formats in [-1, 1).

    The result has round(seconds x sample_rate) samples. Channels are averaged before resampling.

    Args:
        source: value of wav.scp: a file, `file.ark:offset`, `file.h5@rate:clip` (needs h5py), or
            `command |` that writes audio to its output; any format that libsndfile reads (WAV,
            FLAC, Ogg, MP3, ...), and other formats if ffmpeg is installed
        sample_rate: sample rate of the result in Hz
        channel: number of the channel, from 0; None = the mean of all channels
        start: seconds into the audio
        end: seconds into the audio; None = to its end
        resampler: "torchaudio" is that of the reference and may give one sample more
        keep_silent: return audio of which all samples are equal, instead of an error

    Raises:
        AudioError: if the audio cannot be read, is truncated, empty, silent (all samples equal),
            shorter than the segment, or has samples that are not finite; whatever fails in a
            library because of this audio is an AudioError.
    """
    with _one_reason(source):
        blocks = list(
            audio_blocks(source, sample_rate, channel, start, end, resampler, keep_silent)
        )
        return np.ascontiguousarray(blocks[0]) if len(blocks) == 1 else np.concatenate(blocks)


def audio_blocks(
    source: str,
    sample_rate: int = 16000,
    channel: int | None = None,
    start: float = 0.0,
    end: float | None = None,
    resampler: Resampler = "soxr",
    keep_silent: bool = False,
) -> Iterator[np.ndarray]:
    """Yield the audio of `read_audio` in blocks, in memory that does not grow with a long file.

    An error may follow blocks that were already given, such as that of a truncated file.
    """
    check_times(start, end)
    mix = MonoMix(start, end, channel, keep_silent)
    with _one_reason(source):
        decoded = _decode(_opened(source), start, end)
        first, rate = next(decoded)
        mono = itertools.chain([mix.add(first, rate)], (mix.add(*block) for block in decoded))
        yield from resampled(mono, rate, sample_rate, resampler)
        mix.finish()


def read_segments(
    source: str, times: Iterable[tuple[float, float | None]]
) -> Iterator[tuple[np.ndarray, int] | str]:
    """Yield stretches of audio, which is opened once, or the reason why one cannot be used.

    Args:
        source: as in `read_audio`
        times: start and end of each stretch in seconds; end None = that of the audio

    Yields:
        mono samples (samples,) float32 as `read_audio` gives them, and their rate in Hz, that of
        the audio; silence is allowed
    """
    try:
        with _one_reason(source):
            opened = _opened(source)
    except AudioError as error:
        yield from (str(error) for _ in times)
        return
    for start, end in times:
        try:
            check_times(start, end)
            with _one_reason(source):
                mix = MonoMix(start, end, None, keep_silent=True)
                blocks = [(mix.add(*block), block[1]) for block in _decode(opened, start, end)]
                mix.finish()
        except AudioError as error:
            yield str(error)
        else:
            yield np.concatenate([mono for mono, _ in blocks]), blocks[0][1]


def audio_duration(source: str) -> float:
    """Return the duration of audio in seconds, from its header where that can be trusted.

    Raises:
        AudioError: if the audio cannot be read or is truncated, as in `read_audio`.
    """
    with _one_reason(source):
        if packed := packed_clip(source):
            return packed_length(packed) / packed.rate
        return length(open_recording(source))


def check_times(start: float, end: float | None) -> None:
    """Raise AudioError unless the times of a segment (seconds; end None = open) are possible."""
    stop = "the end" if end is None else f"{end:g} s"
    if not (math.isfinite(start) and math.isfinite(end or 0.0)) or start < 0:
        raise AudioError(f"impossible segment, from {start:g} s to {stop}; correct its times")
    if end is not None and end <= start:
        raise AudioError(f"impossible segment: it ends at {stop} and starts at {start:g} s")


@contextmanager
def _one_reason(source: str) -> Iterator[None]:
    """Turn every failure that one piece of audio causes in a library into an AudioError.

    Raises:
        OSError: if the machine is at fault, which would make good audio count as unusable.
    """
    try:
        yield
    except (AudioError, ImportError):  # a library that is not installed concerns all audio
        raise
    except OSError as error:
        if error.errno in OF_THE_MACHINE:
            error.filename = error.filename or source
            raise
        raise AudioError(f"{error.strerror or error}: {error.filename or source}") from None
    except MemoryError:
        raise AudioError("too long: its samples do not fit into memory") from None
    except Exception as error:
        said = " ".join(str(error).split())
        raise AudioError(f"unreadable: {type(error).__name__}: {said}") from error


def _opened(source: str) -> PackedClip | Recording:
    return packed_clip(source) or open_recording(source)


def _decode(
    opened: PackedClip | Recording, start: float, end: float | None
) -> Iterator[tuple[np.ndarray, int]]:
    """Yield blocks (samples, channels) float32 and the rate; fewer samples where audio ends."""
    if isinstance(opened, PackedClip):
        first, count = part_of(start, end, opened.rate, packed_length(opened))
        yield read_packed(opened, first, count), opened.rate
    else:
        yield from decode_blocks(opened, start, end)
