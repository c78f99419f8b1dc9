"""What an experiment folder records of its training: settings, command, curves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asda.configuration import read_yaml
from asda.files import InputError, numbered_lines

History = list[dict[str, float]]
# A line of train.log: date, time, level, "train" or "valid", update/updates, pairs of words.
_ROW = re.compile(r"\S+ \S+ INFO (train|valid) (\d+)/\d+  (.*)")
_SPEED = re.compile(r"  [\d.]+ updates/s  .*")
# Settings that tell runs apart at first sight, in the order in which the page shows them.
FACTS = {
    "train": "trained on",
    "valid": "validated on",
    "init": "initial model",
    "model.size": "model size",
    "model.depth": "layers",
    "model.width": "width",
    "training.updates": "updates",
    "data.batch_size": "clips per batch",
    "optimizer.lr": "learning rate",
    "classifier.loss": "loss",
    "classifier.pooling": "pooling",
    "training.precision": "precision",
    "training.seed": "seed",
}


@dataclass
class RecordedRun:
    """One training.

    Args:
        folder: the experiment folder
        settings: section -> settings of config.yaml; settings outside sections are in ""
        has_command: whether there is a run.sh, which repeats it
        history: rows of numbers, {"update": n, "train/loss": ...}
        complete: whether there is a model.pt
    """

    folder: Path
    settings: dict[str, dict[str, str]]
    has_command: bool
    history: History
    complete: bool

    @property
    def facts(self) -> list[tuple[str, str]]:
        """The most important settings, (title, value)."""
        flat = {
            f"{section}.{key}" if section else key: value
            for section, values in self.settings.items()
            for key, value in values.items()
        }
        shown = {key: flat[key].replace("null", "none") for key in FACTS if key in flat}
        return [(FACTS[key], value) for key, value in shown.items()]


def read_run(folder: Path) -> RecordedRun | None:
    """Return the training of an experiment folder; None if it has no config.yaml.

    Raises:
        InputError: if config.yaml or train.log cannot be read.
    """
    if not (folder / "config.yaml").is_file():
        return None
    log = folder / "train.log"
    return RecordedRun(
        folder,
        _sections(read_yaml(folder / "config.yaml")),
        (folder / "run.sh").is_file(),
        logged_history(log) if log.is_file() else [],
        (folder / "model.pt").is_file(),
    )


def _sections(config: dict[str, Any]) -> dict[str, dict[str, str]]:
    sections: dict[str, dict[str, str]] = {"": {}}
    for key, value in config.items():
        if isinstance(value, dict):
            sections[key] = dict(_flat(value))
        else:
            sections[""][key] = _plain(value)
    return sections


def _flat(values: dict[str, Any], above: str = "") -> list[tuple[str, str]]:
    pairs = []
    for key, value in values.items():
        if isinstance(value, dict):
            pairs += _flat(value, f"{above}{key}.")
        else:
            pairs.append((f"{above}{key}", _plain(value)))
    return pairs


def _plain(value: Any) -> str:
    """Return a setting as it is written in YAML."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(map(_plain, value)) if isinstance(value, list) else str(value)


def logged_history(log: Path) -> History:
    """Return the rows of numbers in train.log, as a run that was never interrupted has them.

    A run that resumes logs again what came after its checkpoint: the later rows count.

    Raises:
        InputError: if the file is not text.
    """
    history: History = []
    for _, line in numbered_lines(log):
        if not (found := _ROW.fullmatch(line)):
            continue
        group, update, words = found[1], float(found[2]), _SPEED.sub("", found[3]).split()
        while history and not _goes_before(history[-1], update, group):
            history.pop()
        values = dict(zip(words[0::2], words[1::2], strict=False))
        history.append({"update": update, **_numbers(group, values)})
    return history


def _goes_before(row: dict[str, float], update: float, group: str) -> bool:
    """Return whether a row was logged before that of `group` at `update`, in an unbroken run."""
    if row["update"] != update:
        return row["update"] < update
    return group == "valid" and any(key.startswith("train/") for key in row)


def _numbers(group: str, values: dict[str, str]) -> dict[str, float]:
    try:
        return {f"{group}/{name}": float(value) for name, value in values.items()}
    except ValueError:
        return {}


def refuse_other_folder(folder: Path) -> InputError:
    """Return the refusal of a folder that holds no experiment."""
    return InputError(
        f"{folder}: no experiment: it has neither config.yaml nor score/result.json; give a folder"
        " that a training or asda score wrote, such as exp/finetune"
    )
