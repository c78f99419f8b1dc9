"""Save and load files of tensors and plain containers; average models."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, _weights_only_unpickler

from asda.files import InputError, atomic_write


def save(content: dict[str, Any], path: Path) -> None:
    """Write tensors and plain containers atomically.

    Raises:
        OSError: naming the file, for example if the disk is full.
    """
    with atomic_write(path, "wb") as stream:
        try:
            torch.save(content, stream)
        except RuntimeError as error:  # torch raises one while it closes what it could not write
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise


def load(path: str | Path, *parts: str) -> dict[str, Any]:
    """Read a file of `save` to the CPU; only tensors and plain containers are unpickled.

    Args:
        path: the file
        parts: names of dicts that the file must contain

    Raises:
        InputError: if the file is missing, damaged or holds anything else.
    """
    try:
        check_sums(path)
        content = _unpickled(path)
        lacking = [part for part in parts if not isinstance(content.get(part), dict)]
        if lacking:
            raise ValueError(f"no dict {' and no '.join(lacking)} in it")
        return content
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except InputError:
        raise
    except Exception as error:  # damaged bytes can make unpickling raise anything
        reason = str(error).strip().splitlines()
        raise InputError(
            f"{path}: damaged, or not a file of tensors written by asda"
            f" ({reason[0][:120] if reason else type(error).__name__})"
        ) from None


def _unpickled(path: str | Path) -> dict[str, Any]:
    """Read tensors and plain containers.

    weights_only=True and its unpickler build the same. But the former searches the message of a
    refusal, with names out of the file, by patterns that take hours for a name of a megabyte.
    """
    content: dict[str, Any]
    if os.environ.get("TORCH_FORCE_WEIGHTS_ONLY_LOAD"):  # then torch accepts no unpickler
        content = torch.load(path, map_location="cpu", weights_only=True)
    else:
        content = torch.load(
            path, map_location="cpu", weights_only=False, pickle_module=_weights_only_unpickler
        )
    return content


def is_whole(path: str | Path) -> bool:
    """Return whether a file of `save` holds all bytes that were written."""
    try:
        check_sums(path)
    except InputError:
        return False
    return zipfile.is_zipfile(path)


def check_sums(path: str | Path) -> None:
    """Check the CRC of every part of a zip file, as torch.save writes; torch itself does not.

    Raises:
        InputError: if bytes have changed, or parts are compressed.
    """
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            _refuse_swelling(archive, path)
            damaged = archive.testzip()
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, RuntimeError) as error:
        raise InputError(f"{path}: damaged: {error}") from None
    if damaged:
        raise InputError(f"{path}: damaged: the checksum of its part {damaged} is wrong")


def _refuse_swelling(archive: zipfile.ZipFile, path: str | Path) -> None:
    """Refuse parts that would be larger in memory than the file: torch stores all as they are."""
    parts = archive.infolist()
    if any(part.compress_type != zipfile.ZIP_STORED for part in parts):
        raise InputError(f"{path}: has compressed parts, which torch does not write; it is refused")
    if sum(part.file_size for part in parts) > os.path.getsize(path):
        raise InputError(f"{path}: damaged: its parts are larger than the file")


def average_weights(models: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return the mean of each floating-point tensor, and all other tensors of the first model."""
    first = models[0]
    return {
        name: torch.stack([model[name].double() for model in models]).mean(0).to(tensor.dtype)
        if tensor.is_floating_point()
        else tensor
        for name, tensor in first.items()
    }
