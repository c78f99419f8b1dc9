"""A dump: features of utterances on disk, made once and used by every training.

The folder holds

- feats.scp, utt2num_frames, utt2moments: tables of all utterances, with absolute paths
- utt2source: fingerprint of the audio that each utterance was made of
- fbank.yaml, compression: how features were made; the same for all of them
- bad_utterances: those that the last call could not make, with the reason
- archives/NAME.ark with NAME.table, which is written last: an archive without one is left over
  from a killed job
- jobs/: the plan of the call that is running; log/
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from asda.corpus.datadir import read_table
from asda.features.moments import Moments
from asda.files import InputError, atomic_write, numbered_lines


@dataclass(frozen=True)
class Source:
    """What an utterance is made of.

    Args:
        utterance: its id
        fingerprint: differs when the text of wav.scp, the segment or the file changes
        start: seconds into the audio
        end: seconds into the audio; None = to its end
        audio: value of wav.scp
    """

    utterance: str
    fingerprint: str
    start: float
    end: float | None
    audio: str

    def __str__(self) -> str:
        return f"{self.utterance} {self.fingerprint} {self.start} {self.end} {self.audio}"

    @classmethod
    def parse(cls, line: str) -> Source:
        utterance, fingerprint, start, end, audio = line.split(" ", 4)
        return cls(
            utterance, fingerprint, float(start), None if end == "None" else float(end), audio
        )


@dataclass(frozen=True)
class Entry:
    """Where the features of an utterance are.

    Args:
        utterance: its id
        fingerprint: of the source they were made of
        archive: name of the archive, without .ark
        offset: bytes into it
        frames: rows
        moments: of the values as they are stored
    """

    utterance: str
    fingerprint: str
    archive: str
    offset: int
    frames: int
    moments: Moments

    def __str__(self) -> str:
        return f"{self.utterance} {self.fingerprint} {self.offset} {self.frames} {self.moments}"

    @classmethod
    def parse(cls, line: str, archive: str) -> Entry:
        utterance, fingerprint, offset, frames, moments = line.split(" ", 4)
        place = (archive, int(offset), int(frames))
        return cls(utterance, fingerprint, *place, Moments.parse(moments))


class Dump:
    """The files of a dump.

    Args:
        folder: need not exist yet.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self.archives = self.folder / "archives"
        self.jobs = self.folder / "jobs"
        self.config_file = self.folder / "fbank.yaml"
        self.compression_file = self.folder / "compression"
        self.bad_file = self.folder / "bad_utterances"

    @property
    def compression(self) -> str:
        return self.compression_file.read_text(encoding="utf-8").strip()

    def todo(self, job: int) -> Path:
        """File with the sources of a job."""
        return self.jobs / f"todo.{job}"

    def bad(self, job: int) -> Path:
        """File with the utterances that a job could not make; it ends the job."""
        return self.jobs / f"bad.{job}"

    def archive(self, name: str) -> Path:
        return self.archives / f"{name}.ark"

    def commit(self, partial: Path, entries: Iterable[Entry]) -> None:
        """Give a written archive, NAME.ark.partial, its name, and then its table."""
        archive = partial.with_suffix("")
        os.replace(partial, archive)
        with atomic_write(archive.with_suffix(".table")) as stream:
            print(archive.stat().st_size, file=stream)
            for entry in entries:
                print(entry, file=stream)

    def entries(self) -> dict[tuple[str, str], Entry]:
        """Return (utterance, fingerprint) -> entry of all whole archives."""
        return {(entry.utterance, entry.fingerprint): entry for entry in self._entries()}

    def _entries(self) -> Iterator[Entry]:
        for table in sorted(self.archives.glob("*.table")):
            lines = numbered_lines(table)
            try:
                size = int(next(lines)[1])
                archive = self.archive(table.stem)
                if archive.exists() and archive.stat().st_size == size:
                    for _, line in lines:
                        yield Entry.parse(line, table.stem)
            except (ValueError, StopIteration):
                raise InputError(f"{table}: damaged; remove this file and run again") from None

    def remove_archives(self, keep: set[str]) -> None:
        """Remove all archives but those to keep, and what killed jobs left."""
        for path in self.archives.iterdir():
            if path.name.partition(".")[0] not in keep:
                path.unlink()

    def published(self) -> dict[str, str]:
        """Return utterance -> fingerprint of the tables for users; empty before the first."""
        path = self.folder / "utt2source"
        return read_table(path) if path.exists() else {}
