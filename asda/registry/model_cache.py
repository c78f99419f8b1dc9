"""Files of models that are known by name, fetched once and kept in a cache."""

from __future__ import annotations

import os
import sys
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from asda.digests import file_checksum, value_digest
from asda.file_locks import locked
from asda.files import InputError
from asda.registry.downloads import LOCAL, download, download_fault, part_of
from asda.registry.known_models import KnownModel, is_name, known_model

TOLERANCE = 0.05  # of approximate sizes


def local_file(name_or_path: str | Path) -> Path:
    """Return the file of a model; one that is given by its name is fetched if it is not cached.

    An existing file or folder takes precedence over a model of that name. Paths are returned as
    they are, even if nothing is there.

    Raises:
        InputError: if the word can only be a name and no model has it, or its file cannot be
            fetched.
        OSError: if the cache cannot be written.
    """
    path = Path(name_or_path)
    if path.exists() or not is_name(str(name_or_path)):
        return path
    return fetch(known_model(str(name_or_path)))


def cache_folder() -> Path:
    """Return the folder for fetched models: in $ASDA_CACHE, or asda in the user's cache."""
    folder = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("ASDA_CACHE") or Path(folder) / "asda") / "models"


def cached_file(model: KnownModel) -> Path:
    """Return where the file of a model is, or will be once it is fetched.

    The place depends on the address and the checksum, so a changed entry is fetched anew.
    """
    if not model.is_remote:
        return Path(model.address)
    kind = PurePosixPath(urlsplit(model.address).path).suffix
    version = value_digest([model.address, model.sha256])
    return cache_folder() / version / f"{model.name}{kind}"


def fetch(model: KnownModel) -> Path:
    """Return the file of a model; fetch it if it is not in the cache.

    Raises:
        InputError: if it cannot be fetched, or is not the expected file.
        OSError: if the cache cannot be written.
    """
    if not model.address:
        raise InputError(
            f"{model.name}: cannot be downloaded by a program; visit {model.page} and, if it offers"
            f" the file, register your copy: asda models add {model.name} FILE"
        )
    target = cached_file(model)
    if target.exists():
        return target
    if not model.is_remote:
        raise InputError(f"{model.name}: no such file {target}; correct its entry in your list")
    target.parent.mkdir(parents=True, exist_ok=True)
    with locked(target.with_name(f"{target.name}.lock")):
        if not target.exists():  # another process may have fetched it in the meantime
            _fetch(model, target)
    return target


def mismatch(model: KnownModel, path: Path) -> str:
    """Return how a file differs from what is known of it; empty if it does not.

    What is known is the checksum, otherwise the approximate size.
    """
    expected = (model.megabytes or 0) * 1e6
    if model.sha256:
        found = file_checksum(path)
        if found != model.sha256:
            return f"has the sha256 {found}, expected {model.sha256}"
    elif expected and abs(path.stat().st_size - expected) > TOLERANCE * expected:
        return f"has {path.stat().st_size:,} bytes, expected about {model.size}"
    return ""


def _fetch(model: KnownModel, target: Path) -> None:
    """Download a file, which gets its name once it is checked."""
    arriving = target.with_name(f"{target.name}.arriving")
    if not model.sha256:  # nothing would show that the parts are of two files
        part_of(arriving).unlink(missing_ok=True)
    resumed = part_of(arriving).exists()
    _say(f"fetching {model.name} ({model.size}, licence: {model.licence}) from {model.address}")
    try:
        download(model.address, arriving)
    except OSError as error:
        if error.errno in LOCAL:
            raise
        raise InputError(_unreachable(model, error)) from None
    if fault := mismatch(model, arriving):
        arriving.unlink()
        if resumed:
            return _fetch(model, target)
        raise InputError(
            f"{model.name}: the file of {model.address} {fault}; look at {model.page or 'the page'}"
            f" for a change, and register what you trust: asda models add {model.name}"
            f" {model.address} --sha256 SUM"
        )
    if not model.sha256:
        _say(f"no checksum is known to compare with; it has the sha256 {file_checksum(arriving)}")
    arriving.replace(target)


def _unreachable(model: KnownModel, error: OSError) -> str:
    return (
        f"{model.name}: not in the cache {cache_folder()}, and {model.address} cannot be fetched"
        f" ({download_fault(error)}); where there is a network, run `asda models fetch"
        f" {model.name}` with this cache, or register a copy: asda models add {model.name} FILE"
    )


def _say(message: str) -> None:
    print(f"asda: {message}", file=sys.stderr)
