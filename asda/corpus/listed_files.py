"""Find listed files whose names are spelled differently on disk (standard library only)."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

from asda.corpus.datadir import keys_by_value


class ListedFiles:
    """Look up names of a list below a folder.

    Names that do not exist as they are written are looked up with slashes for backslashes, in any
    Unicode normal form (macOS decomposes accented letters), and without regard to case where only
    one file fits.

    Args:
        folder: what relative names are relative to
    """

    def __init__(self, folder: Path):
        self.folder = str(folder.resolve())
        self._listings: dict[tuple[str, Callable[[str], str]], dict[str, list[str]]] = {}

    def find(self, name: str) -> str | None:
        """Return the path on disk, None if there is no such file."""
        for spelling in dict.fromkeys((name, name.replace("\\", "/"))):
            path = os.path.normpath(os.path.join(self.folder, spelling))
            if os.path.isfile(path):
                return path
            for key in (_composed, _caseless):
                found = self._walk(path, key)
                if found is not None and os.path.isfile(found):
                    return found
        return None

    def similar(self, name: str) -> str | None:
        """Return the name, relative to the folder, of a file that may be meant by one not found.

        It has another suffix, or lacks the first folders of the name.
        """
        path = os.path.normpath(os.path.join(self.folder, name.replace("\\", "/")))
        found = self._walk(path, _without_suffix)
        parts = path.strip("/").split("/")
        for first in range(1, len(parts)):
            found = found or self.find("/".join(parts[first:]))
        return os.path.relpath(found, self.folder) if found else None

    def _walk(self, path: str, key: Callable[[str], str]) -> str | None:
        """Return the one path whose parts equal those of `path` by their keys."""
        current = self.folder if path.startswith(f"{self.folder}/") else "/"
        for part in os.path.relpath(path, current).split("/"):
            current = os.path.join(current, part)
            if not os.path.lexists(current):
                fitting = self._names(os.path.dirname(current), key).get(key(part), [])
                if len(fitting) != 1:
                    return None
                current = os.path.join(os.path.dirname(current), fitting[0])
        return current

    def _names(self, folder: str, key: Callable[[str], str]) -> dict[str, list[str]]:
        """Return key -> names in a folder, which is listed once."""
        if (folder, key) not in self._listings:
            try:
                names = os.listdir(folder)
            except OSError:
                names = []
            self._listings[folder, key] = keys_by_value((name, key(name)) for name in names)
        return self._listings[folder, key]


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()


def _caseless(name: str) -> str:
    return _composed(name).casefold()


def _without_suffix(name: str) -> str:
    return os.path.splitext(_caseless(name))[0]
