"""Clips packed in HDF5 files, as AudioSet often is. Needs h5py, which is an optional dependency.

A file holds either one dataset `waveform` (clips, samples), with the clips' file names in
`audio_name`, or one dataset per clip, possibly in groups. The file's attribute `sample_rate` is
optional.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

OPEN_FILES = 64


def read_packed(path: str, clip: str, start: int = 0, count: int | None = None) -> np.ndarray:
    """Return the samples of a clip, (count,) float32; integer samples are scaled to [-1, 1).

    Args:
        path: the HDF5 file
        clip: row of `waveform`, or name of a dataset
        start: index of the first sample
        count: number of samples, fewer if the clip ends before; None = up to its end

    Raises:
        OSError, KeyError, ValueError: if the file or clip does not exist or cannot be used; the
            message is one line.
    """
    dataset, row = _dataset(path, clip)
    stop = None if count is None else start + count
    samples = dataset[start:stop] if row is None else dataset[row, start:stop]
    if samples.dtype.kind == "i":
        return samples.astype(np.float32) / -float(np.iinfo(samples.dtype).min)
    if samples.dtype.kind == "f":
        return samples.astype(np.float32)
    raise ValueError(f"unsupported sample type {samples.dtype}: expected signed integer or float")


def packed_length(path: str, clip: str) -> int:
    """Return the number of samples in a clip; raises as `read_packed` does."""
    return _dataset(path, clip)[0].shape[-1]


def packed_clips(path: str) -> Iterator[tuple[str, str, int]]:
    """Yield (name, clip, number of samples) for every clip in a file.

    The name is the clip's file name or dataset; `clip` is what `read_packed` takes.

    Raises:
        OSError: if the file is not HDF5.
        ImportError: if h5py is not installed.
    """
    file = _open(path, os.getpid())
    if "waveform" in file and "audio_name" in file:
        length = file["waveform"].shape[1]
        for row, name in enumerate(file["audio_name"][:]):
            yield _text(name), str(row), length
        return
    names: list[str] = []
    file.visititems(lambda name, item: names.append(name) if hasattr(item, "shape") else None)
    for name in names:
        yield name, name, file[name].shape[-1]


def stated_rate(path: str) -> int | None:
    """Return the sample rate (Hz) in the file's attributes, None if it has none."""
    rate = _open(path, os.getpid()).attrs.get("sample_rate")
    return None if rate is None else int(rate)


def _dataset(path: str, clip: str) -> tuple[Any, int | None]:
    """Return the dataset that holds a clip, and the clip's row if it holds several clips."""
    file = _open(path, os.getpid())
    if not (clip.isdecimal() and "waveform" in file):
        if clip not in file:
            raise KeyError(f"no clip '{clip}' in {path}")
        return file[clip], None
    rows = len(file["waveform"])
    if int(clip) >= rows:
        raise KeyError(f"no clip {clip} in {path}: it has {rows} clips, numbered from 0")
    return file["waveform"], int(clip)


@functools.lru_cache(maxsize=OPEN_FILES)
def _open(path: str, _process: int) -> Any:
    """Open a file, once per process: HDF5 handles must not be used across a fork."""
    import h5py

    return h5py.File(path, "r")


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
