"""Read and write safetensors files: a length, a JSON header, and the bytes of the tensors."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from asda.files import InputError, atomic_write

TYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
TYPES |= {"I64": torch.int64, "I32": torch.int32, "BOOL": torch.bool, "U8": torch.uint8}


def read_safetensors(path: str | Path) -> dict[str, Tensor]:
    """Return the tensors of a file by name.

    Raises:
        InputError: if the header is not JSON, or sizes and offsets do not match the file.
    """
    try:
        data = bytearray(Path(path).read_bytes())
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    end = 8 + int.from_bytes(data[:8], "little")
    try:
        if not 10 <= end <= len(data):
            raise ValueError(f"a header up to byte {end} in {len(data)} bytes")
        header = json.loads(data[8:end])
        entries = {name: value for name, value in header.items() if name != "__metadata__"}
        _check_offsets(entries, len(data) - end)
        return {name: _tensor(entry, memoryview(data)[end:]) for name, entry in entries.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{path}: truncated, damaged or not a safetensors file"
            f" ({type(error).__name__}: {error})"
        ) from None


def _check_offsets(entries: dict[str, Any], size: int) -> None:
    """Refuse tensors that overlap, leave gaps, or end elsewhere than the file."""
    at = 0
    for begin, end in sorted(tuple(entry["data_offsets"]) for entry in entries.values()):
        if begin != at or end < begin:
            raise ValueError(f"a tensor at bytes {begin} to {end} where {at} was expected")
        at = end
    if at != size:
        raise ValueError(f"{at} bytes of tensors, but {size} bytes in the file")


def _tensor(entry: dict[str, Any], data: memoryview) -> Tensor:
    begin, end = entry["data_offsets"]
    dtype, shape = TYPES[entry["dtype"]], entry["shape"]
    count = math.prod(shape)
    if min(shape, default=0) < 0 or count * dtype.itemsize != end - begin:
        raise ValueError(f"{end - begin} bytes for a tensor {shape} of {entry['dtype']}")
    if count == 0:
        return torch.empty(shape, dtype=dtype)
    return torch.frombuffer(data, dtype=dtype, count=count, offset=begin).view(shape)


def write_safetensors(tensors: dict[str, Tensor], path: Path) -> None:
    """Write tensors atomically.

    Raises:
        OSError: naming the file, for example if the disk is full.
    """
    names = {dtype: name for name, dtype in TYPES.items()}
    # Wide types first: every tensor then begins at a multiple of its own size.
    ordered = sorted(tensors.items(), key=lambda item: -item[1].itemsize)
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, tensor in ordered:
        end = at + tensor.numel() * tensor.itemsize
        shape = list(tensor.shape)
        header[name] = {"dtype": names[tensor.dtype], "shape": shape, "data_offsets": [at, end]}
        at = end
    with atomic_write(path, "wb") as stream:
        _write_header(header, stream)
        for _, tensor in ordered:
            stream.write(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())


def _write_header(header: dict[str, Any], stream: IO[bytes]) -> None:
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    stream.write(len(text).to_bytes(8, "little") + text)
