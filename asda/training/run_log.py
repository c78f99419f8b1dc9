"""The numbers of a run, read from its train.log."""

from __future__ import annotations

import re
from pathlib import Path

from asda.files import InputError, numbered_lines
from asda.training.experiment import BEGIN, LOG
from asda.training.history import History

ROW = re.compile(r"INFO (train|valid) (\d+)/\d+  (.*)")
RESUMED = re.compile(r"INFO resuming after update (\d+)")


def read_history(experiment: str | Path) -> History:
    """Return the rows of numbers that a run has reported, as `Progress` holds them.

    The log is small, is kept when checkpoints are deleted, and exists from the first lines on. A
    run that was stopped repeats updates after its last checkpoint; of these, the last lines count.

    Args:
        experiment: experiment folder of a training

    Raises:
        InputError: if it holds no train.log, or one without numbers.
    """
    path = Path(experiment) / LOG
    if not path.is_file():
        raise InputError(f"{path}: no such file; give the experiment folder of a training")
    rows: dict[tuple[str, int], dict[str, float]] = {}
    for _, line in numbered_lines(path):
        if resumed := RESUMED.search(line):
            rows = {key: row for key, row in rows.items() if key[1] <= int(resumed[1])}
        elif line.endswith(f"INFO {BEGIN}"):
            rows = {}
        elif found := ROW.search(line):
            group, update = found[1], int(found[2])
            rows[group, update] = {"update": float(update), **_numbers(group, found[3])}
    if not rows:
        raise InputError(f"{path}: holds no numbers yet; the first come after training.log_every")
    return list(rows.values())


def _numbers(group: str, text: str) -> dict[str, float]:
    """Return the numbers of a line; "2.56 updates/s" and "0.0 min left" come after them."""
    parts = (part.split() for part in text.split("  "))
    named = (words for words in parts if len(words) == 2 and not words[0][0].isdigit())
    return {f"{group}/{name}": float(value) for name, value in named}
