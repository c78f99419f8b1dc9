"""What an experiment folder records of its training: settings, command, curves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asda.configuration import read_yaml
from asda.files import InputError
from asda.training.history import History
from asda.training.run_log import read_history

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
    "data.batch_frames": "frames per batch",
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
        history: rows of numbers that it has reported
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
        limited = flat.get("data.batch_frames", "null") != "null"
        flat.pop("data.batch_size" if limited else "data.batch_frames", None)
        shown = {key: flat[key].replace("null", "none") for key in FACTS if key in flat}
        return [(FACTS[key], value) for key, value in shown.items()]


def read_run(folder: Path) -> RecordedRun | None:
    """Return the training of an experiment folder; None if it has no config.yaml.

    Raises:
        InputError: if config.yaml cannot be read.
    """
    if not (folder / "config.yaml").is_file():
        return None
    try:
        history = read_history(folder)
    except InputError:  # no log, or none with numbers yet
        history = []
    return RecordedRun(
        folder,
        _sections(read_yaml(folder / "config.yaml")),
        (folder / "run.sh").is_file(),
        history,
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
