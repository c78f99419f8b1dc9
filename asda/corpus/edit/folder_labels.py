"""List the audio of a folder with one subfolder per class, as a CSV with a summary."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from asda.corpus.audio_folder import is_audio_name, visible_files
from asda.corpus.datadir import keys_by_value
from asda.corpus.edit.aligned import aligned, cut_middle, readable_rates, shorten
from asda.files import InputError

if TYPE_CHECKING:
    from asda.corpus.edit.audio_headers import AudioHeader

LIMIT = 60.0  # seconds for reading headers; the list itself needs none
SET_NAMES = {"train", "training", "valid", "validation", "val", "dev", "test", "eval"}


class Listing(NamedTuple):
    """The audio found in a folder.

    Args:
        labels: path below the folder -> its first folder
        unlisted: reason -> paths of audio files that cannot be listed
        ignored: ending in lower case -> number of files that do not end like audio
    """

    labels: dict[str, str]
    unlisted: dict[str, list[str]]
    ignored: Counter[str]


def list_folder(folder: Path) -> Listing:
    """Find the audio files below a folder, whatever their suffix.

    Raises:
        InputError: if it is no folder, or holds no audio in folders of its own.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give the folder whose sub-folders are classes")
    listing = Listing({}, {}, Counter())
    for path in visible_files(str(folder)):
        file = os.path.relpath(path, folder)
        if not is_audio_name(file):
            listing.ignored[os.path.splitext(file)[1].lower() or "no suffix"] += 1
        elif reason := _why_unlisted(file):
            listing.unlisted.setdefault(reason, []).append(file)
        else:
            # A semicolon separates several labels of one clip.
            listing.labels[file] = file.split(os.sep)[0].replace(";", "_")
    if not listing.labels:
        raise InputError(
            f"{folder}: no audio in its sub-folders; put the files of each class in a folder"
        )
    return listing


def _why_unlisted(file: str) -> str:
    if "\n" in file or "\r" in file:
        return "their names contain line breaks; rename them"
    if not file.isascii() and file != file.encode(errors="replace").decode():
        return "their names are not UTF-8; rename them"
    return "" if os.sep in file else "they are in no class folder; move them into one"


def write_csv(listing: Listing, stream: IO[str]) -> None:
    """Write the columns file and label, quoted where needed."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["file", "label"])
    writer.writerows(sorted(listing.labels.items()))


def describe(folder: Path, listing: Listing) -> Iterator[str]:
    """Yield a table of classes, clips, hours and sample rates, and the files left out."""
    classes = keys_by_value(sorted(listing.labels.items()))
    headers = _headers(folder, listing)
    rows = [[shorten(name, 30), *_cells(files, headers)] for name, files in classes.items()]
    total = ["total", *_cells(list(listing.labels), headers)]
    titles = ["class", "clips", *(["hours", "sample rates"] if headers else [])]
    yield from aligned([titles, *cut_middle(rows, 30, "classes"), total])
    if headers is None:
        yield "hours and sample rates are shown once asda is installed (make -C tools)"
    elif len(headers) < len(listing.labels):
        yield f"hours and sample rates are those of {len(headers):,} clips, read in {LIMIT:g} s"
    yield from _left_out(listing)
    if SET_NAMES.issuperset(name.lower() for name in classes):
        yield (
            f"warning: the folders {', '.join(classes)} are named like sets, not classes; if they "
            "are sets, list each folder separately and add a column split"
        )


def _left_out(listing: Listing) -> Iterator[str]:
    for reason, files in listing.unlisted.items():
        some = ", ".join(repr(file)[1:-1] for file in files[:3])
        yield f"left out: {len(files)} audio files ({some}{', ...' if files[3:] else ''}): {reason}"
    if listing.ignored:
        kinds = ", ".join(f"{kind} {count}" for kind, count in listing.ignored.most_common(5))
        yield f"ignored, not audio by their suffix: {kinds}"


def _headers(folder: Path, listing: Listing) -> Mapping[str, AudioHeader | None] | None:
    """Return file -> header, None if it cannot be read; None as a whole before installation."""
    try:
        from asda.corpus.edit.audio_headers import read_headers
    except ImportError:
        return None
    paths = {str(folder / file): file for file in listing.labels}
    return {paths[path]: header for path, header in read_headers(paths, LIMIT).items()}


def _cells(files: list[str], headers: Mapping[str, AudioHeader | None] | None) -> list[str]:
    """Return clips, hours and sample rates of some files."""
    clips = f"{len(files):,}"
    if headers is None:
        return [clips]
    reached = [headers[file] for file in files if file in headers]
    found = [header for header in reached if header]
    rates = readable_rates(Counter(header.rate for header in found))
    unread = f"{len(reached) - len(found)} unreadable" if len(found) < len(reached) else ""
    hours = sum(header.seconds for header in found) / 3600
    return [clips, f"{hours:.2f}", ", ".join(filter(None, [rates, unread]))]
