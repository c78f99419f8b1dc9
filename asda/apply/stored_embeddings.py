"""Reading back the embeddings of an earlier call, for inputs that need not be computed again."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from asda.apply.embedding_files import format_of
from asda.audio.hdf5_items import own_item
from asda.corpus.datadir import read_table
from asda.features.archive import ArchiveReader, read_vector

Stored = Mapping[str, Callable[[], np.ndarray]]


@contextmanager
def stored_embeddings(path: str | Path, vectors: bool) -> Iterator[Stored]:
    """Open an output of an earlier call: name -> function that returns its rows, float32.

    It is empty if there is no such file, or if it is not one of these outputs.

    Args:
        path: of the output
        vectors: whether an archive stores vectors
    """
    try:
        kind = format_of(path)
        file = None if kind == "ark" else _opened(path, kind)
        found = _of_archive(Path(path), vectors) if file is None else _of_arrays(file)
    except Exception:  # damaged bytes can make numpy and h5py raise anything
        file, found = None, {}
    try:
        yield found
    finally:
        if file is not None:
            file.close()


def _opened(path: str | Path, kind: str) -> Any:
    if kind == "npz":
        return np.load(path, allow_pickle=False)
    import h5py

    return h5py.File(path, "r")


def _of_arrays(file: Any) -> Stored:
    """Return the rows of each name in an npz, which is read at once, or an HDF5 file."""
    if not isinstance(file, np.lib.npyio.NpzFile):
        file = {name: own_item(file, name) for name in ("embeddings", "names", "offsets")}
    embeddings = file["embeddings"]
    names = [name.decode() if isinstance(name, bytes) else str(name) for name in file["names"][:]]
    limits = itertools.pairwise(int(offset) for offset in file["offsets"][:])
    return {
        name: functools.partial(embeddings.__getitem__, slice(*both))
        for name, both in zip(names, limits, strict=True)
    }


def _of_archive(path: Path, vectors: bool) -> Stored:
    read = _row if vectors else ArchiveReader().read
    table = read_table(path.with_suffix(".scp"))
    return {name: functools.partial(read, place) for name, place in table.items()}


def _row(place: str) -> np.ndarray:
    """Return the vector at a place `file.ark:offset` as (1, width)."""
    return read_vector(place)[None]
