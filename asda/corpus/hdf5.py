"""Clips in HDF5 files, as AudioSet is often packed; needs h5py, which is not installed by default.

A file has either one dataset `waveform` (clips, samples), with the clips' file names in
`audio_name`, or a dataset for each clip, possibly in groups. The attribute `sample_rate` of the
file tells the rate, if it is there.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

OPEN_FILES = 64


def read_packed(path: str, clip: str, start: int = 0, count: int | None = None) -> np.ndarray:
    """Return samples (count,) float32 of a clip, integer formats in [-1, 1).

    Args:
        path: the file
        clip: row of `waveform`, or the name of a dataset
        start: first sample
        count: samples, fewer where the clip ends; None = to its end

    Raises:
        OSError, KeyError, ValueError: if there is no such file or clip; one line why.
    """
    dataset, row = _dataset(path, clip)
    stop = None if count is None else start + count
    samples = dataset[start:stop] if row is None else dataset[row, start:stop]
    if samples.dtype.kind == "i":
        return samples.astype(np.float32) / -float(np.iinfo(samples.dtype).min)
    if samples.dtype.kind == "f":
        return samples.astype(np.float32)
    raise ValueError(f"samples are {samples.dtype}, neither signed integers nor floats")


def packed_length(path: str, clip: str) -> int:
    """Return the samples of a clip; raises as `read_packed` does."""
    return _dataset(path, clip)[0].shape[-1]


def packed_clips(path: str) -> Iterator[tuple[str, str, int]]:
    """Yield file or dataset name, clip and samples of all clips of a file.

    Raises:
        OSError: if it is no HDF5 file.
        ImportError: without h5py.
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
    """Return the sample rate that a file states."""
    rate = _open(path, os.getpid()).attrs.get("sample_rate")
    return None if rate is None else int(rate)


def _dataset(path: str, clip: str) -> tuple[Any, int | None]:
    """Return a dataset, and the row of the clip in it if it holds several."""
    file = _open(path, os.getpid())
    if not (clip.isdecimal() and "waveform" in file):
        if clip not in file:
            raise KeyError(f"no clip '{clip}' in {path}")
        return file[clip], None
    rows = len(file["waveform"])
    if int(clip) >= rows:
        raise KeyError(f"no clip {clip} in {path}: it has {rows}, from 0")
    return file["waveform"], int(clip)


@functools.lru_cache(maxsize=OPEN_FILES)
def _open(path: str, _process: int) -> Any:
    """Open a file, once in each process: an open one must not be shared with a fork."""
    import h5py

    return h5py.File(path, "r")


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
