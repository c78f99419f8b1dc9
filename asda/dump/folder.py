"""The dump folder: features of utterances on disk, computed once and used by every run.

The folder holds

- feats.scp, utt2num_frames, utt2moments: tables of all utterances, with absolute paths
- utt2source: fingerprint of the audio that each utterance was computed from
- fbank.yaml, compression: settings of the features, the same for all of them
- bad_utterances: utterances that the last call could not compute, with the reason
- archives/NAME.ark and NAME.table, which is written last: an archive without a table is left over
  from a killed job
- jobs/: the plan of the running call
- log/: the logs of the jobs
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
class DumpItem:
    """An utterance to compute, and the audio it is computed from.

    Args:
        utterance: its ID
        fingerprint: changes with the line in wav.scp, the segment or the file
        start: seconds into the audio
        end: seconds into the audio; None = to its end
        seconds: estimated duration
        audio: value of wav.scp
    """

    utterance: str
    fingerprint: str
    start: float
    end: float | None
    seconds: float
    audio: str

    def __str__(self) -> str:
        times = f"{self.start} {self.end} {self.seconds:.1f}"
        return f"{self.utterance} {self.fingerprint} {times} {self.audio}"

    @classmethod
    def parse(cls, line: str) -> DumpItem:
        """Return the item that a line made by `str` describes."""
        utterance, fingerprint, start, end, seconds, audio = line.split(" ", 5)
        return cls(
            utterance,
            fingerprint,
            float(start),
            None if end == "None" else float(end),
            float(seconds),
            audio,
        )


@dataclass(frozen=True)
class Entry:
    """Location of the features of an utterance.

    Args:
        utterance: its ID
        fingerprint: of the item they were computed from
        archive: name of the archive, without .ark
        offset: position in the archive in bytes
        frames: number of frames
        moments: moments of the values as they are stored
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
        """Return the entry that a line made by `str`, in the table of an archive, describes."""
        utterance, fingerprint, offset, frames, moments = line.split(" ", 4)
        return cls(
            utterance, fingerprint, archive, int(offset), int(frames), Moments.parse(moments)
        )


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
        """Kaldi's compression method of all archives."""
        return self.compression_file.read_text(encoding="utf-8").strip()

    def todo(self, job: int) -> Path:
        """File with the items of a job."""
        return self.jobs / f"todo.{job}"

    def bad(self, job: int) -> Path:
        """File with the utterances that a job could not compute; written when the job ends."""
        return self.jobs / f"bad.{job}"

    def reading(self, job: int) -> Path:
        """File with the utterance that a job reads now; left behind by a job that is killed."""
        return self.jobs / f"reading.{job}"

    def last_read(self) -> list[str]:
        """Return the utterances that jobs of the last call were reading when they were killed."""
        left = (path.read_text(encoding="utf-8") for path in sorted(self.jobs.glob("reading.*")))
        return [text.splitlines()[0] for text in left if text]

    def last_bad(self) -> dict[str, str]:
        """Return utterance -> reason of the utterances that the last call could not compute."""
        return read_table(self.bad_file) if self.bad_file.exists() else {}

    def archive(self, name: str) -> Path:
        """File of an archive, by its name."""
        return self.archives / f"{name}.ark"

    def commit(self, partial: Path, entries: Iterable[Entry]) -> None:
        """Rename a written archive NAME.ark.partial to NAME.ark, then write NAME.table."""
        archive = partial.with_suffix("")
        os.replace(partial, archive)
        with atomic_write(archive.with_suffix(".table")) as stream:
            print(archive.stat().st_size, file=stream)
            for entry in entries:
                print(entry, file=stream)

    def entries(self) -> dict[tuple[str, str], Entry]:
        """Return (utterance, fingerprint) -> entry of all complete archives."""
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
                raise InputError(
                    f"{table}: damaged; remove this file and run the command again"
                ) from None

    def remove_archives(self, keep: set[str]) -> None:
        """Remove all archives except those to keep, and what killed jobs left behind."""
        for path in self.archives.iterdir():
            if path.name.partition(".")[0] not in keep:
                path.unlink()

    def published(self) -> dict[str, str]:
        """Return utterance -> fingerprint of the published tables; empty if there are none yet."""
        path = self.folder / "utt2source"
        return read_table(path) if path.exists() else {}
