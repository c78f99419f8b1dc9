"""Transcripts of data directories (Kaldi's `text`) and of plain text files."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from pathlib import Path

from asda.corpus.datadir import DataDir, read_table
from asda.files import InputError, numbered_lines


def read_transcripts(directory: DataDir) -> dict[str, str]:
    """Return utterance -> transcript as the corpus gives it, "" where `text` has only the name.

    Raises:
        InputError: if there is no `text`, or a line of it is wrong.
    """
    path = directory.path / "text"
    if not path.is_file():
        raise InputError(
            f"{path}: no such file; recognition needs a line 'utterance transcript' for each"
            " utterance"
        )
    return read_table(path, values=False)


def require_transcripts(
    directory: DataDir, known: Container[str], utterances: Sequence[str], what: str
) -> None:
    """Refuse utterances without a line in `text`.

    Args:
        directory: the data directory
        known: utterances that have one
        utterances: those that must have one
        what: they are called in the message
    """
    if missing := [utterance for utterance in utterances if utterance not in known]:
        raise InputError(
            f"{directory.path / 'text'}: no line for {len(missing)} of {len(utterances)} {what}"
            f" (first: {missing[0]}); where nothing is said, a line has only the name"
        )


def read_sentences(names: Iterable[str]) -> list[str]:
    """Return the transcripts of data directories and the lines of text files, in this order."""
    sentences: list[str] = []
    for name in names:
        if Path(name).is_dir():
            sentences += read_transcripts(DataDir(name)).values()
        else:
            sentences += [line for _, line in numbered_lines(name)]
    return sentences
