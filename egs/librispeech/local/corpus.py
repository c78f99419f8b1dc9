"""The files of LibriSpeech: transcripts, recordings and the table of speakers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from asda.corpus.audio_folder import is_clutter
from asda.files import InputError, numbered_lines

# Utterances of each set, as published.
EXPECTED = {
    "train-clean-100": 28539,
    "train-clean-360": 104014,
    "train-other-500": 148688,
    "dev-clean": 2703,
    "dev-other": 2864,
    "test-clean": 2620,
    "test-other": 2939,
}


class Utterance(NamedTuple):
    """A recording with its transcript; `name` is SPEAKER-CHAPTER-NUMBER."""

    name: str
    path: Path
    text: str

    @property
    def speaker(self) -> str:
        return self.name.partition("-")[0]


def find_corpus(folder: Path) -> Path:
    """Return the folder with the sets.

    Raises:
        InputError: if there are none.
    """
    for corpus in (folder / "LibriSpeech", folder):
        if any((corpus / name).is_dir() for name in EXPECTED):
            return corpus.resolve()
    raise InputError(
        f"{folder}: contains neither LibriSpeech nor its sets, such as dev-clean; unpack the "
        "corpus there"
    )


def read_set(folder: Path) -> tuple[list[Utterance], list[tuple[str, str]]]:
    """Return the utterances of a set, and (name, reason) of those that cannot be used.

    Raises:
        InputError: if the set is missing.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; unpack {folder.name}.tar.gz beside the others")
    utterances, left_out = [], []
    for chapter in sorted(path for path in folder.glob("*/*") if path.is_dir()):
        recordings = {
            path.stem: path for path in chapter.glob("*.flac") if not is_clutter(path.name)
        }
        texts = dict(transcripts(chapter))
        for name in sorted({*recordings, *texts}):
            reason = fault_of(name, recordings, texts)
            if reason:
                left_out.append((name, reason))
            else:
                utterances.append(Utterance(name, recordings[name], texts[name]))
    return utterances, left_out


def fault_of(name: str, recordings: dict[str, Path], texts: dict[str, str]) -> str:
    """Return why an utterance cannot be used; empty if it can."""
    if name not in recordings:
        return "no recording"
    if name not in texts:
        return "no text"
    return "" if texts[name] else "empty text"


def transcripts(chapter: Path) -> Iterator[tuple[str, str]]:
    """Yield (utterance, text) of a chapter."""
    path = chapter / f"{chapter.parent.name}-{chapter.name}.trans.txt"
    if not path.is_file():
        return
    for _, line in numbered_lines(path):
        if words := line.split():
            yield words[0], " ".join(words[1:])


def genders(path: Path) -> dict[str, str]:
    """Return speaker -> m or f from lines such as `14 | F | train-clean-360 | ...`.

    Raises:
        InputError: if the table is missing, or a line has another form.
    """
    found = {}
    for number, line in numbered_lines(path):
        if not line.strip() or line.startswith(";"):
            continue
        speaker, _, rest = line.partition("|")
        gender = rest.partition("|")[0].strip().lower()
        if gender not in ("f", "m"):
            raise InputError(f"{path}:{number}: not of the form 'SPEAKER | F | ...'; unpack again")
        found[speaker.strip()] = gender
    return found
