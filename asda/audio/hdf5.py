"""Clips packed in HDF5 files, as AudioSet often is. Needs h5py, which is an optional dependency.

A file holds either one dataset `waveform`, a clip in each row, with the clips' file names in
`audio_name`, or one dataset per clip, possibly in groups. A clip has the shape (samples,),
(channels, samples) or (samples, channels). The sample rate is the attribute or the dataset
`sample_rate` of the file, and optional.
"""

from __future__ import annotations

import functools
import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from asda.audio.audio_error import AudioError, check_rate
from asda.audio.hdf5_items import own_item, refuse_hollow
from asda.audio.wav_scp import PackedClip, can_be_listed

OPEN_FILES = 64
MOST_CHANNELS = 32  # the axis of channels is the one that is not longer than this


def read_packed(packed: PackedClip, start: int = 0, count: int | None = None) -> np.ndarray:
    """Return the samples of a clip, (count, channels) float32; integers are scaled to [-1, 1).

    Args:
        packed: the file and the clip
        start: index of the first sample
        count: number of samples, fewer if the clip ends before; None = up to its end

    Raises:
        AudioError: if the file or clip does not exist or cannot be used.
    """
    wanted = slice(start, None if count is None else start + count)
    with _errors(packed.path):
        check_rate(packed.rate)
        clip, row = _clip(packed)
        axis = _sample_axis(clip, row)
        shape = clip.shape[len(row) :]
        fraction = len(range(shape[axis])[wanted]) / max(1, shape[axis])
        if not isinstance(clip, np.ndarray):
            refuse_hollow(clip, int(math.prod(shape) * clip.dtype.itemsize * fraction))
        samples = clip[row + ((slice(None),) * axis + (wanted,))]
    if axis == 1:
        samples = samples.T
    if samples.ndim == 1:
        samples = samples[:, None]
    if samples.dtype.kind == "i":
        return samples.astype(np.float32) / -float(np.iinfo(samples.dtype).min)
    return samples.astype(np.float32)


def packed_length(packed: PackedClip) -> int:
    """Return the number of samples in a clip; raises as `read_packed` does."""
    with _errors(packed.path):
        check_rate(packed.rate)
        clip, row = _clip(packed)
        return clip.shape[len(row) + _sample_axis(clip, row)]


def packed_clips(path: str) -> Iterator[tuple[str, str]]:
    """Yield (name, clip) for every clip in a file; what cannot be a clip is named on stderr.

    The name is the clip's file name or dataset; `clip` is that of `PackedClip`.

    Raises:
        AudioError: if the file is not HDF5, damaged, or its list of names lies in another file.
    """
    with _errors(path):
        yield from _clips_of(path, _open(path, os.getpid()))


def _clips_of(path: str, file: Any) -> Iterator[tuple[str, str]]:
    listed = own_item(file, "audio_name")
    if listed is not None and own_item(file, "waveform") is not None:
        refuse_hollow(listed, listed.nbytes)
        for row, name in enumerate(listed[:]):
            yield _text(name), str(row)
        return
    names: list[str | bytes] = []
    file.visititems(lambda name, item: names.append(name) if hasattr(item, "shape") else None)
    others = [name for name in names if not _may_be_clip(file[name], path, name)]
    if others:
        first = f"{others[0]!r}, shape {file[others[0]].shape}, {file[others[0]].dtype}"
        print(f"{path}: {len(others)} datasets cannot be clips: {first}", file=sys.stderr)
    yield from ((str(name), str(name)) for name in sorted(set(names).difference(others)))


def stated_rate(path: str) -> int | None:
    """Return the sample rate (Hz) that a file states, None if it states none.

    Raises:
        AudioError: if the file is not HDF5, damaged, or the rate lies in another file.
    """
    with _errors(path):
        file = _open(path, os.getpid())
        rate = file.attrs.get("sample_rate")
        if rate is None:
            stored: Any = own_item(file, "sample_rate")
            rate = stored[()] if getattr(stored, "shape", None) in ((), (1,)) else None
        is_number = np.size(rate) == 1 and np.asarray(rate).dtype.kind in "uif"
        return int(np.squeeze(rate)) if is_number else None


def _clip(packed: PackedClip) -> tuple[Any, tuple[int, ...]]:
    """Return the dataset or array that holds a clip, and the clip's row if it holds several."""
    path, name = packed.path, packed.clip
    file = _open(path, os.getpid())
    row: tuple[int, ...] = ()
    clip = own_item(file, "waveform") if name.isdecimal() else None
    if clip is not None:
        name, row = "waveform", (int(name),)
    elif (clip := own_item(file, name)) is None:
        raise AudioError(f"no clip '{name}' in {path}")
    if not hasattr(clip, "shape"):
        raise AudioError(f"'{name}' in {path} is a group of datasets, not a clip")
    if row and row[0] >= len(clip):
        raise AudioError(f"no clip {row[0]} in {path}: it has {len(clip)} clips, numbered from 0")
    if clip.dtype.metadata and "vlen" in clip.dtype.metadata:  # rows of different lengths
        return np.asarray(clip[row]), ()
    return clip, row


def _sample_axis(clip: Any, row: tuple[int, ...]) -> int:
    """Return which axis of a clip, without its row, is that of the samples."""
    if clip.shape is None:
        raise AudioError("a dataset without samples")
    shape = clip.shape[len(row) :]
    if clip.dtype.kind not in "if":
        raise AudioError(f"unsupported sample type {clip.dtype}: expected signed integer or float")
    if len(shape) == 1:
        return 0
    channels = [axis for axis, size in enumerate(shape) if size <= MOST_CHANNELS]
    if len(shape) != 2 or (len(channels) != 1 and 0 not in shape):
        raise AudioError(
            f"a clip of shape {shape}: expected (samples,), (channels, samples) or "
            f"(samples, channels), with up to {MOST_CHANNELS} channels and more samples"
        )
    return shape.index(0) if 0 in shape else 1 - channels[0]


def _may_be_clip(dataset: Any, path: str, name: str | bytes) -> bool:
    """Return whether a dataset may hold audio and wav.scp can hold its source.

    Args:
        dataset: a dataset of an open file
        path: path of this file
        name: name of the dataset; h5py gives bytes where it is not text
    """
    has_samples = dataset.shape is not None and dataset.dtype.kind in "if"
    is_listed = isinstance(name, str) and can_be_listed(f"{path}@1:{name}")
    return has_samples and len(dataset.shape) in (1, 2) and is_listed


@contextmanager
def _errors(path: str) -> Iterator[None]:
    """Turn what h5py raises for a file into an AudioError."""
    try:
        yield
    except ImportError:
        raise AudioError(f"{path}: HDF5 files need h5py: pip install h5py") from None
    except AudioError:
        raise
    except FileNotFoundError:
        raise AudioError(f"no such file: {path}") from None
    except Exception as error:  # h5py has no exceptions of its own
        cut = "truncated" if "truncated" in str(error) else "not an HDF5 file, or a damaged one"
        raise AudioError(f"{cut}: {path}; copy or download it again") from error


@functools.lru_cache(maxsize=OPEN_FILES)
def _open(path: str, _process: int) -> Any:
    """Open a file, once per process: HDF5 handles must not be used across a fork."""
    import h5py

    return h5py.File(path, "r")


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
