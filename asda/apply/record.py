"""The record of finished inputs, by which a stopped call continues and a second one skips them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from asda.digests import value_digest
from asda.file_locks import FileLock
from asda.files import InputError, atomic_write, blamed_on


class Record:
    """A file of JSON lines next to an output: the settings first, then each finished input.

    A line that a killed process left incomplete is removed, and so is all from a damaged line on,
    which a crash of the machine may leave: these inputs are computed again. A record of other
    settings is begun anew, since none of its results would be the same.

    Args:
        path: of the record; created when it does not exist
        settings: all that the results depend on, besides the audio; JSON-like
        fingerprints: of the audio of each input by its name, which changes with the audio

    Raises:
        InputError: if another process writes the same record.
    """

    def __init__(
        self, path: str | Path, settings: Mapping[str, Any], fingerprints: Mapping[str, str]
    ):
        self.path, self.fingerprints = Path(path), fingerprints
        self._header = json.dumps({"settings": value_digest(settings)}).encode() + b"\n"
        self._open()

    def __len__(self) -> int:
        return len(self._entries)

    def is_done(self, name: str) -> bool:
        """Return whether an input is finished and its audio has not changed since."""
        return name in self._entries and self._entries[name][0] == self.fingerprints[name]

    def content(self, name: str) -> Any:
        """Return what was recorded for an input."""
        with open(self.path, "rb") as stream:
            stream.seek(self._entries[name][1])
            return json.loads(stream.readline())["content"]

    def add(self, name: str, content: Any) -> None:
        """Record a finished input, on disk when this returns."""
        self._entries[name] = self.fingerprints[name], self._append(self._line(name, content))

    def replace(self, contents: Mapping[str, Any]) -> None:
        """Record these inputs and no others; their audio has not changed."""
        with atomic_write(self.path, "wb") as stream:
            stream.write(self._header)
            for name, content in contents.items():
                stream.write(self._line(name, content))
        self.close()
        self._open()

    def close(self) -> None:
        """Let other processes use the record."""
        self._stream.close()
        self._held.release()

    def _line(self, name: str, content: Any) -> bytes:
        entry = {"name": name, "fingerprint": self.fingerprints[name], "content": content}
        return json.dumps(entry, ensure_ascii=False).encode() + b"\n"

    def _open(self) -> None:
        self._entries: dict[str, tuple[str, int]] = {}  # name -> fingerprint, byte offset
        with blamed_on(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._held = FileLock(self.path)
        if not self._held.acquire():
            raise InputError(
                f"{self.path}: in use by another call{self._held.holder}; wait for it or choose"
                " another --out"
            )
        self._stream = open(self.path, "ab", buffering=0)  # noqa: SIM115
        try:
            with blamed_on(self.path):
                self._read()
        except BaseException:
            self.close()
            raise

    def _read(self) -> None:
        end = 0
        for offset, line in _complete_lines(self.path):
            if not offset and line != self._header:
                self._refuse_foreign(line)
                break
            if offset:
                entry = _entry_of(line)
                if entry is None:
                    break
                self._entries[entry["name"]] = entry["fingerprint"], offset
            end = offset + len(line)
        self._stream.truncate(end)
        if not end:
            self._append(self._header)

    def _refuse_foreign(self, line: bytes) -> None:
        """Say that a record of other settings is begun anew; refuse what is no record."""
        if not line.startswith(b'{"settings": '):
            raise InputError(f"{self.path}: not a record of asda; choose another --out")
        print(
            f"{self.path}: made with other settings or models; everything is computed anew",
            file=sys.stderr,
        )

    def _append(self, line: bytes) -> int:
        """Append a line and return its offset."""
        with blamed_on(self.path):
            offset = os.fstat(self._stream.fileno()).st_size
            left = memoryview(line)
            while left:  # a disk that becomes full may take a part first
                left = left[self._stream.write(left) or 0 :]
        return offset


@contextmanager
def recorded(
    path: str | Path, settings: Mapping[str, Any], fingerprints: Mapping[str, str]
) -> Iterator[Record]:
    """Open a record for a block."""
    record = Record(path, settings, fingerprints)
    try:
        yield record
    finally:
        record.close()


def _entry_of(line: bytes) -> dict[str, Any] | None:
    """Return the entry that a line holds, None if it is damaged."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    whole = isinstance(entry, dict) and {"name", "fingerprint", "content"} <= entry.keys()
    return entry if whole else None


def _complete_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, line with its end) of the lines that are complete."""
    offset = 0
    with open(path, "rb") as stream:
        for line in stream:
            if not line.endswith(b"\n"):
                return
            yield offset, line
            offset += len(line)
