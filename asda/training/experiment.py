"""The experiment folder: configuration, the command that repeats it, log, lock."""

from __future__ import annotations

import dataclasses
import logging
import shlex
import sys
import weakref
from pathlib import Path

from asda import configuration
from asda.audio.wav_scp import NO_PIPES, commands_are_forbidden
from asda.checkpoint import tensor_files
from asda.distributed import Process
from asda.file_locks import FileLock
from asda.files import InputError, atomic_write
from asda.training.launch import SPLIT_KEYS, Launch
from asda.training.progress import TerminalHandler
from asda.training.run_config import ACCEPT, Run, RunConfig
from asda.unread_settings import effective

log = logging.getLogger(__name__)
# Settings that change where a run is stored, how fast it is and what it writes, but not its result.
RUNTIME_KEYS = {
    "exp",
    "training.deterministic",
    "training.device",
    "training.threads",
    "training.lost_after",
    "training.log_every",
    "training.save_every",
    "training.save_minutes",
    ACCEPT,
    "data.workers",
    "data.max_bad",
}
# Settings that a run may change on request when it resumes; no tensor in a checkpoint depends on
# them.
ACCEPTABLE = {f"optimizer.{name}" for name in ("lr", "min_lr", "warmup", "clip_norm")}
ACCEPTABLE |= {
    f"training.{name}" for name in ("updates", "precision", "evaluate_every", "patience")
}
PLACES = {"train", "valid", "dump", "fbank", "units"}  # the content is compared in any case
OWN_SECTIONS = {"teacher", "classifier", "ctc"}  # each of one command
BEGIN = "training begins"  # a line of the log
CONFIG, CHECKPOINT, MODEL, LOG = "config.yaml", "checkpoint.pt", "model.pt", "train.log"


def has_begun(folder: Path) -> bool:
    """Return whether a run has written at least one checkpoint in its folder."""
    return (folder / CHECKPOINT).exists() or (folder / MODEL).exists()


def begun_run(config: Run) -> Run | None:
    """Return the configuration of the run in `config.exp`; None if it has saved nothing yet.

    Settings that were added to asda since the run began take their defaults.

    Raises:
        InputError: if the configuration is damaged.
    """
    folder = Path(config.exp)
    if not has_begun(folder) or not (folder / CONFIG).exists():
        return None
    try:
        return configuration.load(type(config), folder / CONFIG)
    except InputError as error:
        if _is_of_other_command(config, folder / CONFIG):
            raise InputError(
                f"{folder} holds a run of another command of asda; choose another experiment folder"
            ) from None
        raise InputError(
            f"{error}; restore this file, or remove it to resume without comparing settings"
        ) from None


def _is_of_other_command(config: RunConfig, path: Path) -> bool:
    """Return whether a stored configuration has a section that only runs of another kind have."""
    try:
        sections = {key for key, value in configuration.read_yaml(path).items() if value}
    except InputError:
        return False
    own = {field.name for field in dataclasses.fields(config)}
    return not OWN_SECTIONS.isdisjoint(sections - own)


def _is_acceptable(key: str) -> bool:
    """Return whether a run may go on with another value of a setting, if that is asked for."""
    first, *others = key.split(".")
    if first == "corpora" and len(others) == 2:
        return others[1] in PLACES
    return key in ACCEPTABLE or key in PLACES


class Experiment:
    """The folder of one training run.

    Opening an existing folder resumes its run, and is refused if the configuration has changed.

    Args:
        config: configuration of the run
        verb: COMMAND of the `asda COMMAND` that repeats it
        process: only the first process touches the folder

    Raises:
        InputError: if the configuration differs from that of the run in the folder, or another
            process trains there.
    """

    def __init__(self, config: RunConfig, verb: str, process: Process):
        self.folder = Path(config.exp)
        self.config = config
        self.verb = verb
        self.process = process
        self._launch = Launch.of(config, process.world_size)
        self._lengthened: int | None = None  # updates of the completed run to lengthen
        if process.is_first:
            self._lock()
            try:
                self._begin()
            except BaseException:
                self.close()
                raise

    def _begin(self) -> None:
        """Find out whether this run may continue that in the folder, and open the log."""
        self._remove_unfinished()
        notes = self._notes()
        self._open_log()
        for note in notes:
            log.warning("%s", note)

    @property
    def checkpoint(self) -> Path:
        """Everything an interrupted run needs to resume."""
        return self.folder / CHECKPOINT

    @property
    def model(self) -> Path:
        """The finished model; it exists when the run is complete."""
        return self.folder / MODEL

    @property
    def _log(self) -> Path:
        return self.folder / LOG

    def snapshot(self, update: int) -> Path:
        """File of the model that is kept of an update."""
        return self.folder / "snapshots" / f"update_{update:07d}.pt"

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to train.

        Raises:
            InputError: if the finished model is damaged.
        """
        if self._lengthened is not None or not self.model.exists():
            return False
        if not tensor_files.is_whole(self.model):
            source = "makes it from the checkpoint" if self.checkpoint.exists() else "trains anew"
            raise InputError(f"{self.model}: damaged; remove it, and the same command {source}")
        return True

    def _lock(self) -> None:
        """Keep other processes out of the folder until this one ends."""
        self.folder.mkdir(parents=True, exist_ok=True)
        # Loader workers would inherit the other kind of lock, and hold it after the run.
        self._held = FileLock(self.folder / ".lock", inherited=False)
        if not self._held.acquire():
            raise InputError(
                f"{self.folder}: another process trains in this folder{self._held.holder};"
                " wait for it or stop it"
            )
        weakref.finalize(self, self._held.release)  # at the end of the process at the latest

    def close(self) -> None:
        """Let other processes train in the folder."""
        if self.process.is_first:
            self._held.release()

    def _remove_unfinished(self) -> None:
        """Remove temporary files of `atomic_write` left by a killed process."""
        for path in self.folder.rglob(".*.pt.*"):
            path.unlink()

    def claim(self) -> None:
        """Record this run in the folder, once nothing can refuse it any more."""
        if not self.process.is_first:
            return
        if self._lengthened is not None:
            self.model.rename(self.folder / f"model_{self._lengthened}.pt")
            self._lengthened = None
        training = dataclasses.replace(self.config.training, accept_changes=False)
        config = dataclasses.replace(self.config, training=training)
        # A number that the size gives and the kind does not read would look as if it were given.
        configuration.save(effective(config), self.folder / CONFIG)
        self._launch.write(self.folder)
        self._write_command(f"{self._launch.command} {self.verb}")

    def _write_command(self, command: str) -> None:
        """Write run.sh, which repeats the run.

        Args:
            command: beginning of the command line
        """
        forbidding = f"export {NO_PIPES}=1\n" if commands_are_forbidden() else ""
        with atomic_write(self.folder / "run.sh") as stream:
            stream.write(
                "#!/usr/bin/env bash\n# Repeats this run, or resumes it if it was interrupted.\n"
                'exp=$(cd "$(dirname "$0")" && pwd) || exit 1\n'  # in a copied folder, the copy
                f"cd {shlex.quote(str(Path.cwd()))} || exit 1\n"
                f"{forbidding}"
                f'exec {command} --config "$exp/{CONFIG}" --exp "$exp" "$@"\n'
            )
        (self.folder / "run.sh").chmod(0o755)

    def _notes(self) -> list[str]:
        """Return warnings about an earlier run in the folder.

        Raises:
            InputError: if this run cannot continue it.
        """
        if old := begun_run(self.config):
            return self._compare(old, self._launch)
        if has_begun(self.folder):
            config = self.folder / CONFIG
            return [f"no {config}: settings are not compared with those of the run so far"]
        if self._log.exists() and BEGIN in self._log.read_text(encoding="utf-8"):
            return [
                f"an earlier call was stopped before it saved {self.checkpoint}: the run starts"
                " again from the beginning"
            ]
        return []

    def _compare(self, old: RunConfig, launch: Launch) -> list[str]:
        """Compare with the run in the folder; return notes on differences that are accepted.

        Args:
            old: its configuration
            launch: the present launch

        Raises:
            InputError: if other settings differ.
        """
        before, now = (configuration.to_dict(effective(config)) for config in (old, self.config))
        changed = configuration.differences(before, now, ignored=RUNTIME_KEYS)
        notes = []
        earlier = Launch.read(self.folder)
        if earlier and not self.model.exists():
            unit = self.config.data.batch_unit
            if note := launch.check(earlier, self.folder, unit):
                notes.append(note)
            if earlier.update_size == launch.update_size:
                split = [changed.pop(key) for key in SPLIT_KEYS & set(changed)]
                notes += [f"{change}, with as many {unit} per update" for change in split]
        if changed:
            self._accept(changed, old.training.updates)
            notes.append(f"resuming with changed settings: {'; '.join(changed.values())}")
        return notes

    def _accept(self, changed: dict[str, str], updates: int) -> None:
        """Accept changed settings on request, and reopen a completed run.

        Args:
            changed: key and description of each change
            updates: length of the run so far
        """
        settings = self.config.training
        longer = settings.updates > updates
        possible = all(map(_is_acceptable, changed)) and self.checkpoint.exists()
        possible &= longer or not self.model.exists()
        if not (possible and settings.accept_changes):
            remedy = f", or add --{ACCEPT} true to resume with them" if possible else ""
            raise InputError(
                f"{self.folder} holds a run with another configuration"
                f" ({'; '.join(changed.values())}): choose another experiment folder or tag,"
                f" or remove this one{remedy}"
            )
        if self.model.exists():
            self._lengthened = updates

    def _open_log(self) -> None:
        root = logging.getLogger("asda")
        root.setLevel(logging.INFO)
        for handler in list(root.handlers):
            root.removeHandler(handler)
        line = logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%d %H:%M:%S")
        handlers: list[logging.Handler] = [logging.FileHandler(self._log, encoding="utf-8")]
        if not sys.stderr.isatty():
            handlers.append(logging.StreamHandler())
        for handler in handlers:
            handler.setFormatter(line)
            root.addHandler(handler)
        if sys.stderr.isatty():
            root.addHandler(TerminalHandler())
