"""Thresholds of labels: one number for all, or a table with one for each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from asda.files import InputError, listed, numbered_lines

SHOWN = 3  # labels named in a message about many


def read_thresholds(word: str, label_lists: Sequence[Sequence[str]]) -> list[np.ndarray]:
    """Return the thresholds of each model, (labels,) float64, in the order of its labels.

    Args:
        word: a number from 0 to 1, or a file as `asda score` writes it: tab-separated values whose
            header names the columns `label` and `threshold`; other columns are not read
        label_lists: labels of each model

    Raises:
        InputError: if the file cannot be read, or its labels are not those of the models.
    """
    try:
        number = _probability(word)
    except ValueError:
        table = _read(word)
        _check_labels(word, table, label_lists)
        return [np.array([table[label] for label in labels]) for labels in label_lists]
    return [np.full(len(labels), number) for labels in label_lists]


def _probability(word: str) -> float:
    """Return a threshold; ValueError if it is not a number."""
    number = float(word)
    if not 0 <= number <= 1:
        raise InputError(f"threshold {word}: a score lies between 0 and 1")
    return number


def _read(path: str) -> dict[str, float]:
    """Return label -> threshold."""
    lines = numbered_lines(path)
    header = next(lines, (1, ""))[1].split("\t")
    if not {"label", "threshold"} <= set(header):
        raise InputError(
            f"{path}:1: no columns 'label' and 'threshold'; expected a number or a table of"
            " thresholds as asda score writes it"
        )
    label, threshold = header.index("label"), header.index("threshold")
    found: dict[str, float] = {}
    for number, line in lines:
        fields = line.split("\t")
        try:
            if fields[label] in found:
                raise InputError(f"{path}:{number}: a second threshold of '{fields[label]}'")
            found[fields[label]] = _probability(fields[threshold])
        except (ValueError, IndexError):
            raise InputError(
                f"{path}:{number}: expected a label and a threshold from 0 to 1, found '{line}'"
            ) from None
    return found


def _check_labels(path: str, table: dict[str, float], label_lists: Sequence[Sequence[str]]) -> None:
    wanted = list(dict.fromkeys(label for labels in label_lists for label in labels))
    missing = [label for label in wanted if label not in table]
    unknown = [label for label in table if label not in set(wanted)]
    faults = [
        f"{text} {listed([f'{label!r}' for label in labels], SHOWN)}"
        for text, labels in (("no threshold for", missing), ("the model does not know", unknown))
        if labels
    ]
    if faults:
        raise InputError(
            f"{path}: does not fit the labels of the model ({'; '.join(faults)}); write it with"
            " asda score for this model"
        )
