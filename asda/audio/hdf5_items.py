"""Items of an HDF5 file that are in the file itself, and as large as it says.

A file from elsewhere may hold links to other files, and datasets whose values lie in any file of
the machine, be it HDF5 or not. h5py follows all of them silently, so they are checked first.
"""

from __future__ import annotations

from typing import Any

from asda.audio.audio_error import AudioError

MOST_LINKS = 16  # links that may lead from one to the next; more are taken for a circle
ELSEWHERE = "in another file, which is refused; copy it into this file with h5copy or h5repack"
UNCHECKED_BYTES = 2**30  # up to this, what is stated is read, however little is stored
COMPRESSED = 1032  # most bytes that one stored byte becomes by gzip, the strongest usual filter


def own_item(file: Any, name: str) -> Any | None:
    """Return a group or dataset of an open file by its path; None if there is none.

    Raises:
        AudioError: if it or its values lie in another file, or it is a link that leads nowhere.
    """
    item, parts, links = file, _parts(name), 0
    while parts:
        part = parts.pop(0)
        link: Any = item.get(part, getlink=True) if hasattr(item, "keys") else None
        if hasattr(link, "filename"):
            raise AudioError(f"'{name}' in {file.filename} is a link to an item {ELSEWHERE}")
        if hasattr(link, "path"):
            links += 1
            item = file if link.path.startswith("/") else item
            parts = _parts(link.path) + parts
        elif link is not None:
            item = item[part]
        if (link is None and links) or links > MOST_LINKS:
            raise AudioError(f"'{name}' in {file.filename} is a link to a clip that does not exist")
        if link is None:
            return None
    _refuse_values_elsewhere(file, name, item)
    return item


def refuse_hollow(dataset: Any, size: int) -> None:
    """Refuse to read what a file states but does not hold, such as a billion samples in 1 kB.

    HDF5 would fill memory with the value of samples that were never written.

    Args:
        dataset: a dataset of an open file
        size: bytes that are about to be read

    Raises:
        AudioError: if they are many more than filters make of what is stored.
    """
    stored = dataset.id.get_storage_size()
    if size > max(UNCHECKED_BYTES, COMPRESSED * stored):
        raise AudioError(
            f"damaged: '{dataset.name}' in {dataset.file.filename} states {size:,} bytes, but only"
            f" {stored:,} are stored; write the file again"
        )


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _refuse_values_elsewhere(file: Any, name: str, item: Any) -> None:
    if not hasattr(item, "shape"):
        return
    sources = item.virtual_sources() if item.is_virtual else []
    if item.external or any(source.file_name != "." for source in sources):
        raise AudioError(f"'{name}' in {file.filename} has its values {ELSEWHERE}")
