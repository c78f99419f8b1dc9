"""An experiment folder: its configuration, the call that repeats it, its log."""

from __future__ import annotations

import dataclasses
import fcntl
import logging
import shlex
import sys
from pathlib import Path
from typing import Any

from asda import configuration
from asda.distributed import Process
from asda.files import InputError, atomic_write
from asda.training.run_config import TrainingConfig

# Settings that change where or how fast a run goes, not what comes out.
RUNTIME_KEYS = {"exp", "training.device", "training.threads", "data.workers", "training.log_every"}


class Experiment:
    """The folder of one training run.

    Opening an existing folder continues its run, and is refused when the configuration differs from
    that of what was trained so far.

    Args:
        config: the whole configuration of the run, a dataclass with the fields `exp`
        verb: the asda verb that runs it
    """

    def __init__(self, config: Any, verb: str, process: Process):
        self.folder = Path(config.exp)
        self.config = config
        self.process = process
        if process.is_first:
            self._lock()
            self._remove_unfinished()
            self._claim(verb)
            self._open_log()

    @property
    def checkpoint(self) -> Path:
        """Everything a stopped run needs to go on."""
        return self.folder / "checkpoint.pt"

    @property
    def model(self) -> Path:
        """The finished model; its presence says that the run is complete."""
        return self.folder / "model.pt"

    def snapshot(self, update: int) -> Path:
        return self.folder / "snapshots" / f"update_{update:07d}.pt"

    @property
    def has_begun(self) -> bool:
        """Whether something was trained so far."""
        return self.checkpoint.exists() or self.model.exists()

    def _lock(self) -> None:
        """Keep other processes out of the folder as long as this one lives."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._held = open(self.folder / ".lock", "w")  # noqa: SIM115
        try:  # a lock of flock would live on in workers that outlive the run for a while
            fcntl.lockf(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            raise InputError(
                f"{self.folder}: another process trains in this folder; wait for it, or end it"
            ) from None

    def _remove_unfinished(self) -> None:
        """Remove what `atomic_write` left when the process that wrote was killed."""
        for path in self.folder.rglob(".*.pt.*"):
            path.unlink()

    def _claim(self, verb: str) -> None:
        saved = self.folder / "config.yaml"
        if saved.exists() and self.has_begun:
            # Settings that were added since have the value they had then, their default.
            old = configuration.load(type(self.config), saved)
            changed = differences(*map(configuration.to_dict, (old, self.config)))
            if changed:
                raise InputError(
                    f"{self.folder} holds a run with another configuration"
                    f" ({'; '.join(changed.values())}): choose another experiment folder or tag,"
                    " or remove this one"
                )
        configuration.save(self.config, saved)
        with atomic_write(self.folder / "run.sh") as stream:
            stream.write(
                "#!/usr/bin/env bash\n# Repeats this run, or continues it where it stopped.\n"
                f"cd {shlex.quote(str(Path.cwd()))} || exit 1\n"
                f'exec asda {verb} --config {shlex.quote(str(saved))} "$@"\n'
            )
        (self.folder / "run.sh").chmod(0o755)

    def _open_log(self) -> None:
        root = logging.getLogger("asda")
        root.setLevel(logging.INFO)
        for handler in list(root.handlers):
            root.removeHandler(handler)
        line = logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%d %H:%M:%S")
        targets = [logging.FileHandler(self.folder / "train.log", encoding="utf-8")]
        if not sys.stderr.isatty():  # a terminal shows the bar instead
            targets.append(logging.StreamHandler())
        for handler in targets:
            handler.setFormatter(line)
            root.addHandler(handler)


def differences(old: dict, new: dict, prefix: str = "") -> dict[str, str]:
    """Return key and "key: old -> new" of each setting that differs and matters."""
    found = {}
    for key in sorted(set(old) | set(new)):
        name = f"{prefix}{key}"
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            found |= differences(before, after, f"{name}.")
        elif before != after and name not in RUNTIME_KEYS:
            found[name] = f"{name}: {before} -> {after}"
    return found


def resolved(config: Any) -> Any:
    """Return a configuration with the sizes of its model filled in."""
    try:
        return dataclasses.replace(config, model=config.model.resolved())
    except ValueError as error:
        raise InputError(str(error)) from error


def check_ranking(training: TrainingConfig, ranked: bool) -> None:
    """Refuse to choose among models, or to stop, by a validation that does not rank them."""
    for setting, wanted in (
        ("training.final best", training.final == "best"),
        (f"training.patience {training.patience}", training.patience > 0),
    ):
        if wanted and not ranked:
            raise InputError(f"{setting} needs a validation set that ranks models (fine-tuning)")
