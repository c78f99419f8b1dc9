"""Files of embeddings: NumPy's npz, HDF5, and Kaldi's ark with scp.

npz and HDF5 hold the same arrays:

- `names` (inputs,): utterances, or paths of files
- `offsets` (inputs + 1,) int64: the rows of input i are those from offsets[i] to offsets[i + 1]
- `embeddings` (rows, width) float32
- `times` in seconds, float64: start and end of each row (rows, 2), or its centre (rows,) for frames

An archive has a vector for each input, or a matrix (rows, width) if inputs have several rows.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import numpy as np

from asda.extras import require
from asda.features.archive_writer import write_matrix, write_vector
from asda.files import InputError, atomic_write, write_lines

SUFFIXES = {".npz": "npz", ".h5": "hdf5", ".hdf5": "hdf5", ".ark": "ark"}


@dataclass(frozen=True)
class Rows:
    """Where the embeddings of one input are, and what is known without reading them.

    Args:
        name: of the input
        count: number of rows
        times: seconds, (count, 2) or (count,), as nested lists
        read: returns the rows, (count, width) float32
    """

    name: str
    count: int
    times: Sequence[Any]
    read: Callable[[], np.ndarray]


def format_of(path: str | Path) -> str:
    """Return the format of an output by its suffix.

    Raises:
        InputError: if it has none of the known ones, or needs a package that is not installed.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"{path}: unknown format; name it {', '.join(f'*{s}' for s in SUFFIXES)}")
    if SUFFIXES[suffix] == "hdf5":
        require("hdf5", ["h5py"], "*.npz")
    return SUFFIXES[suffix]


def write_embeddings(path: str | Path, rows: Sequence[Rows], width: int, vectors: bool) -> None:
    """Write the embeddings of all inputs, whole or not at all, in the format of the suffix.

    Args:
        path: of the output; an archive NAME.ark is accompanied by NAME.scp
        rows: of each input, read one after the other
        width: of the embeddings
        vectors: whether each input has one row, which an archive stores as a vector
    """
    kind = format_of(path)
    if kind == "ark":
        _write_archive(Path(path), rows, vectors)
        return
    arrays = {
        "names": np.array([one.name for one in rows]),
        "offsets": np.cumsum([0, *(one.count for one in rows)], dtype=np.int64),
        "times": np.concatenate([np.asarray(one.times, np.float64) for one in rows]),
    }
    shape = (int(arrays["offsets"][-1]), width)
    blocks = (np.ascontiguousarray(one.read(), np.float32) for one in rows)
    with atomic_write(path, "w+b") as stream:
        (_write_npz if kind == "npz" else _write_hdf5)(stream, arrays, shape, blocks)


def _write_npz(
    stream: IO[bytes],
    arrays: Mapping[str, np.ndarray],
    shape: tuple[int, int],
    blocks: Iterable[np.ndarray],
) -> None:
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
        with archive.open("embeddings.npy", "w", force_zip64=True) as member:
            header = {"descr": "<f4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(member, header)
            for block in blocks:
                member.write(block.data)


def _write_hdf5(
    stream: IO[bytes],
    arrays: Mapping[str, np.ndarray],
    shape: tuple[int, int],
    blocks: Iterable[np.ndarray],
) -> None:
    import h5py

    with h5py.File(stream, "w") as file:
        for name, array in arrays.items():
            text = {"dtype": h5py.string_dtype()} if array.dtype.kind == "U" else {}
            file.create_dataset(name, data=array.tolist() if text else array, **text)
        values = file.create_dataset("embeddings", shape, np.float32)
        row = 0
        for block in blocks:
            values[row : row + len(block)] = block
            row += len(block)


def _write_archive(path: Path, rows: Sequence[Rows], vectors: bool) -> None:
    """Write an archive, then its scp; an old scp, which would not fit, is removed before."""
    scp = path.with_suffix(".scp")
    lines = []
    with atomic_write(path, "wb") as opened:
        stream = cast(BinaryIO, opened)
        for one in rows:
            if vectors:
                offset = write_vector(stream, one.name, one.read()[0])
            else:
                offset = write_matrix(stream, one.name, one.read(), "none")
            lines.append(f"{one.name} {path.resolve()}:{offset}")
        scp.unlink(missing_ok=True)
    write_lines(scp, sorted(lines))


def check_keys(path: str | Path, names: Iterable[str]) -> None:
    """Refuse names that Kaldi's tables cannot hold as keys.

    Raises:
        InputError: naming the first one.
    """
    for name in names:
        if len(name.split()) != 1 or not name.isprintable():
            raise InputError(
                f"{path}: '{name}' cannot be a key of an archive, because it contains a space;"
                " choose *.npz or *.h5, or name the audio in a data directory"
            )
