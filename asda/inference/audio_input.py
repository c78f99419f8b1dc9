"""The forms in which users give audio: files, waveforms, stretches of files, data directories."""

from __future__ import annotations

import os
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
        InputError: if it is something else.
    """
    if isinstance(audio, list):
        return Sources([_source(item, rate) for item in audio])
    if isinstance(audio, (str, Path)) and os.path.isdir(audio):
        return _of_directory(DataDir(audio))
    return Sources([_source(audio, rate)], is_list=False)


def _of_directory(data: DataDir) -> Sources:
    if not data.has("wav.scp"):
        raise InputError(
            f"{data.path}: a folder without wav.scp is no data directory; give a list of its files"
        )
    segments = data.audio_sources()
    utterances = [utterance for utterance in data.utterances if utterance in segments]
    return Sources([segments[utterance] for utterance in utterances], utterances)


def _source(item: Any, rate: int | None) -> Source:
    if isinstance(item, (AudioSegment, Waveform)):
        return item
    if isinstance(item, (str, Path)):
        return AudioSegment(str(item))
    if isinstance(item, tuple) and item and isinstance(item[0], (str, Path)):
        return AudioSegment(str(item[0]), *item[1:])
    if isinstance(item, tuple) and len(item) == 2:
        item, rate = item
    if isinstance(item, (np.ndarray, Tensor)):
        return _waveform(item, rate)
    raise InputError(f"audio of type {type(item).__name__}; give {FORMS}")


def _waveform(samples: np.ndarray | Tensor, rate: int | None) -> Waveform:
    if isinstance(samples, Tensor):
        samples = samples.detach().cpu().float().numpy()
    if samples.ndim != 1:
        raise InputError(
            f"a waveform of shape {samples.shape}; give one of shape (samples,), or a list of these"
        )
    if rate is None:
        raise InputError("a waveform without its sample rate; give rate=")
    if not np.issubdtype(samples.dtype, np.floating):
        raise InputError(f"a waveform of {samples.dtype}; give floating-point samples in [-1, 1]")
    return Waveform(samples.astype(np.float32, copy=False), int(rate))


def with_name(source: Source, error: Exception) -> str:
    """Return the message of an error with the name of the audio, unless it is there already."""
    name = source.source if isinstance(source, AudioSegment) else "waveform"
    return str(error) if name in str(error) else f"{name}: {error}"
