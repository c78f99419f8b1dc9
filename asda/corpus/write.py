"""A data directory written from tables in memory; what recipes' local/data.py share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from asda.corpus.datadir import write_table
from asda.corpus.tables import begin_directory, write_speakers
from asda.files import InputError, atomic_write


def write_data_dir(
    folder: Path,
    tables: Mapping[str, Mapping[str, str]],
    labels: Sequence[str],
    utt2spk: Mapping[str, str] | None = None,
) -> None:
    """Write a data directory; every file is made anew, and tables of an earlier one go.

    Args:
        folder: data/SET.
        tables: name -> key -> rest of the line; with utt2label.
        labels: class order.
        utt2spk: speaker of each utterance; None = every utterance is its own speaker.

    Raises:
        InputError: if there are no utterances, or names that a table cannot hold.
    """
    utterances = tables["utt2label"]
    if not utterances:
        raise InputError(f"{folder}: no clips for it; the corpus is not complete")
    for name, table in tables.items():
        _check_names(folder / name, table)
    begin_directory(folder, [], [*tables, "utt2spk", "spk2utt"])
    for name, table in tables.items():
        write_table(folder / name, table)
    write_speakers(folder, utt2spk or {utterance: utterance for utterance in utterances})
    with atomic_write(folder / "labels.txt") as stream:
        stream.writelines(f"{label}\n" for label in labels)


def _check_names(path: Path, table: Mapping[str, str]) -> None:
    for key, rest in table.items():
        if len(key.split()) != 1 or "\n" in rest:
            raise InputError(
                f"{path}: no line can hold {key!r}, {rest!r}: a space in the name of an utterance,"
                " or a line break; rename the file"
            )
