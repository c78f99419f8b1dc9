"""The forms in which users give audio: files, waveforms, stretches of files, data directories."""

from __future__ import annotations

import os
from numbers import Real
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from asda.audio.wav_scp import AudioSegment
from asda.corpus.datadir import DataDir
from asda.files import InputError

FORMS = "a file name, a waveform with its rate, a list of these, or a data directory"


class Waveform(NamedTuple):
    """Mono audio in memory: samples (samples,) float32 in [-1, 1], and their rate in Hz."""

    samples: np.ndarray
    rate: int


Source = AudioSegment | Waveform


class Sources(NamedTuple):
    """Audio in the order in which it was given.

    Args:
        items: one for each clip
        utterances: IDs of the clips of a data directory, else None
        is_list: whether there may be several clips, else there is exactly one
    """

    items: list[Source]
    utterances: list[str] | None = None
    is_list: bool = True


def sources_of(audio: Any, rate: int | None = None) -> Sources:
    """Return the clips in what a user gives.

    Args:
        audio: a file name (any value of wav.scp); a one-dimensional NumPy array or tensor; a pair
            (waveform, rate); an `AudioSegment`, or (file name, start, end) with times in seconds; a
            list of these; or the path of a data directory
        rate: sample rate in Hz of waveforms that are given without one

    Raises:
        InputError: if it is something else, or a sample rate or the times of a stretch are no
            numbers.
    """
    if isinstance(audio, list):
        return Sources([_source(item, rate) for item in audio])
    if isinstance(audio, (str, Path)) and os.path.isdir(audio):
        return _of_directory(DataDir(audio))
    return Sources([_source(audio, rate)], is_list=False)


def _of_directory(data: DataDir) -> Sources:
    if not data.has("wav.scp"):
        raise InputError(
            f"{data.path}: not a data directory, since it has no wav.scp; give a list of its files"
        )
    audio = data.utterance_audio()
    return Sources(list(audio.values()), list(audio))


def _source(item: Any, rate: int | None) -> Source:
    if isinstance(item, (AudioSegment, Waveform)):
        return item
    if isinstance(item, (str, Path)):
        return AudioSegment(str(item))
    if isinstance(item, tuple) and item and isinstance(item[0], (str, Path)):
        return _stretch(*item)
    if isinstance(item, tuple) and len(item) == 2:
        item, rate = item
    if isinstance(item, (np.ndarray, Tensor)):
        return _waveform(item, rate)
    raise InputError(f"audio cannot be of type {type(item).__name__}; give {FORMS}")


def _stretch(name: str | Path, start: Any = 0.0, end: Any = None, *more: Any) -> AudioSegment:
    if more or not isinstance(start, Real) or not (end is None or isinstance(end, Real)):
        raise InputError(
            f"{name}: give a stretch of a file as (file name, start, end) with times in seconds,"
            " and several files as a list"
        )
    return AudioSegment(str(name), float(start), None if end is None else float(end))


def _waveform(samples: np.ndarray | Tensor, rate: Any) -> Waveform:
    if isinstance(samples, Tensor):
        samples = samples.detach().cpu()
        samples = (samples.float() if samples.is_floating_point() else samples).numpy()
    if samples.ndim != 1:
        raise InputError(
            f"a waveform of shape {samples.shape}; give one of shape (samples,), or a list of these"
        )
    if rate is None:
        raise InputError("a waveform without its sample rate; give rate=")
    if not np.issubdtype(samples.dtype, np.floating):
        raise InputError(f"a waveform of {samples.dtype}; give floating-point samples in [-1, 1]")
    if not isinstance(rate, Real) or rate < 1 or rate % 1:
        raise InputError(f"a sample rate of {rate!r}; give a whole number of Hz")
    with np.errstate(over="ignore"):  # infinite samples are refused when they are read
        return Waveform(samples.astype(np.float32, copy=False), int(float(rate)))


def with_name(source: Source, error: Exception) -> str:
    """Return the message of an error with the name of the audio, unless it is there already."""
    name = source.source if isinstance(source, AudioSegment) else "waveform"
    return str(error) if name in str(error) else f"{name}: {error}"
