"""The experiment folder: configuration, the command that repeats it, log, lock."""

from __future__ import annotations

import fcntl
import logging
import shlex
import sys
from pathlib import Path

from asda import configuration
from asda.distributed import Process
from asda.files import InputError, atomic_write
from asda.training.run_config import RunConfig

# Settings that change where a run is stored or how fast it is, but not its result.
RUNTIME_KEYS = {
    "exp",
    "training.device",
    "training.threads",
    "data.workers",
    "data.max_bad",
    "training.log_every",
}


class Experiment:
    """The folder of one training run.

    Opening an existing folder resumes its run, and is refused if the configuration has changed.

    Args:
        config: configuration of the run
        verb: `asda VERB` that repeats it
        process: only the first process touches the folder

    Raises:
        InputError: if the configuration differs from that of the run in the folder, or another
            process trains there.
    """

    def __init__(self, config: RunConfig, verb: str, process: Process):
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
        """Everything an interrupted run needs to resume."""
        return self.folder / "checkpoint.pt"

    @property
    def model(self) -> Path:
        """The finished model; it exists when the run is complete."""
        return self.folder / "model.pt"

    def snapshot(self, update: int) -> Path:
        return self.folder / "snapshots" / f"update_{update:07d}.pt"

    @property
    def has_begun(self) -> bool:
        """Whether at least one checkpoint was written."""
        return self.checkpoint.exists() or self.model.exists()

    def _lock(self) -> None:
        """Keep other processes out of the folder until this one ends."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._held = open(self.folder / ".lock", "w")  # noqa: SIM115
        try:  # not flock, whose lock loader workers would inherit and hold after the run
            fcntl.lockf(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            raise InputError(
                f"{self.folder}: another process trains in this folder; wait for it or stop it"
            ) from None

    def _remove_unfinished(self) -> None:
        """Remove temporary files of `atomic_write` left by a killed process."""
        for path in self.folder.rglob(".*.pt.*"):
            path.unlink()

    def _claim(self, verb: str) -> None:
        saved = self.folder / "config.yaml"
        if saved.exists() and self.has_begun:
            # Settings added since the run was started take their default.
            old = configuration.load(type(self.config), saved)
            before, now = map(configuration.to_dict, (old, self.config))
            changed = configuration.differences(before, now, ignored=RUNTIME_KEYS)
            if changed:
                raise InputError(
                    f"{self.folder} holds a run with another configuration"
                    f" ({'; '.join(changed.values())}): choose another experiment folder or tag,"
                    " or remove this one"
                )
        configuration.save(self.config, saved)
        with atomic_write(self.folder / "run.sh") as stream:
            stream.write(
                "#!/usr/bin/env bash\n# Repeats this run, or resumes it if it was interrupted.\n"
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
        handlers: list[logging.Handler] = [
            logging.FileHandler(self.folder / "train.log", encoding="utf-8")
        ]
        if not sys.stderr.isatty():  # a terminal shows the progress bar instead
            handlers.append(logging.StreamHandler())
        for handler in handlers:
            handler.setFormatter(line)
            root.addHandler(handler)
