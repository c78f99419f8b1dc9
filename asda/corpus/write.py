"""Write a data directory from tables in memory, as the recipes' local/data.py do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from asda.corpus.datadir import write_table
from asda.corpus.kaldi_tables import begin_directory, write_speakers
from asda.files import InputError, write_lines


def write_data_dir(
    folder: Path,
    tables: Mapping[str, Mapping[str, str]],
    labels: Sequence[str] = (),
    utt2spk: Mapping[str, str] | None = None,
) -> None:
    """Write a data directory; tables of an earlier one in the same folder are removed.

    Args:
        folder: for example data/train
        tables: name -> key -> rest of the line; must include utt2label or, if the utterances have
            transcripts and no labels, text
        labels: all labels in class order; empty = there are none
        utt2spk: speaker of each utterance; None = every utterance is its own speaker

    Raises:
        InputError: if there are no utterances, or a name cannot be written in a table.
    """
    utterances = tables["utt2label" if labels else "text"]
    if not utterances:
        raise InputError(f"{folder}: no clips for this set; the corpus is incomplete")
    for name, table in tables.items():
        _check_names(folder / name, table)
    begin_directory(folder, [], [*tables, "utt2spk", "spk2utt"])
    for name, table in tables.items():
        write_table(folder / name, table)
    write_speakers(folder, utt2spk or {utterance: utterance for utterance in utterances})
    if labels:
        write_lines(folder / "labels.txt", labels)
    else:
        (folder / "labels.txt").unlink(missing_ok=True)


def _check_names(path: Path, table: Mapping[str, str]) -> None:
    wrong = [(key, rest) for key, rest in table.items() if len(key.split()) != 1 or "\n" in rest]
    if wrong:
        (key, rest), count = wrong[0], len(wrong)
        raise InputError(
            f"{path}: cannot write {key!r}, {rest!r}: utterance IDs must not contain spaces, nor "
            f"values line breaks; rename the file{f' and {count - 1} more' if count > 1 else ''}"
        )
