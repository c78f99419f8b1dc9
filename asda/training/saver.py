"""Writes the checkpoints and snapshots of a run; weights that are not finite are never saved."""

from __future__ import annotations

import functools
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from asda.checkpoint import tensor_files
from asda.checkpoint.saved_model import check_tensors
from asda.distributed import Process
from asda.files import InputError
from asda.training.experiment import Experiment
from asda.training.run_config import ACCEPT
from asda.training.train_state import TrainState

if TYPE_CHECKING:
    from asda.training.task import Task

log = logging.getLogger(__name__)


class Saver:
    """Saves the model of a run; only the first process writes.

    Args:
        task: with the model
        experiment: the folder
        process: this process

    Attributes:
        saved: update of the last checkpoint, None = there is none
    """

    def __init__(self, task: Task[Any], experiment: Experiment, process: Process):
        self.task, self.experiment, self.process = task, experiment, process
        self.saved: int | None = None
        self._saved_at = time.monotonic()

    @property
    def is_late(self) -> bool:
        """Whether training.save_minutes have passed since the last checkpoint."""
        minutes = self.task.config.training.save_minutes
        return 0 < 60 * minutes <= time.monotonic() - self._saved_at

    def save_checkpoint(self, state: TrainState, parts: dict[str, Any]) -> None:
        """Save a checkpoint, unless the last updates were skipped: the weights may be wrong.

        Args:
            state: how far the run has come
            parts: what a checkpoint holds in addition
        """
        self._saved_at = time.monotonic()
        if state.skipped_in_a_row:
            return
        if self.process.is_first:
            content = {"model": self.weights(), "state": vars(state), "about": self.about}
            self.write(content | parts, self.experiment.checkpoint)
            for path in self.experiment.folder.glob("snapshots/*.pt"):
                if int(path.stem.split("_")[1]) not in state.snapshots:
                    path.unlink()
        self.saved = state.update

    def save_snapshot(self, update: int) -> None:
        """Save the weights, and a description of their model."""
        if self.process.is_first:
            about = self.about | {"facts": self.about["facts"] | {"updates": update}}
            content = {"model": self.weights(), "about": about}
            self.write(content, self.experiment.snapshot(update))

    def write(self, content: dict[str, Any], path: Path) -> None:
        """Write a file of the run.

        Raises:
            InputError: if the disk is full, or refuses for another reason.
        """
        try:
            tensor_files.save(content, path)
        except OSError as error:
            resume = ", which resumes there" if self.saved is not None else ""
            raise InputError(
                f"{path}: not written: {error.strerror}; {self._kept};"
                f" remove the cause and repeat the command{resume}"
            ) from None

    def lost_snapshots(self, state: TrainState) -> list[int]:
        """Return the updates of unreadable snapshots: better known now than after hours.

        Raises:
            InputError: unless the run may continue without them.
        """
        lost = []
        for update in state.snapshots if self.process.is_first else ():
            try:
                self.read_snapshot(update)
            except InputError as error:
                if not self.task.config.training.accept_changes:
                    remedy = f"restore it, or add --{ACCEPT} true to choose the model without it"
                    raise InputError(f"{error}; {remedy}") from None
                log.warning("%s; the model is chosen without this snapshot", error)
                lost.append(update)
        return lost

    def read_snapshot(self, update: int) -> dict[str, Tensor]:
        """Return the weights of a snapshot.

        Raises:
            InputError: if they are not those of the model.
        """
        path = self.experiment.snapshot(update)
        weights: dict[str, Tensor] = tensor_files.load(path, "model")["model"]
        check_tensors(self.task.model.state_dict(), weights, path)
        return weights

    @functools.cached_property
    def about(self) -> dict[str, Any]:
        """What model.pt holds in addition to weights, so that a checkpoint can be used as one."""
        training = self.task.config.training
        facts = {"final": "last", "metric": self.task.metric, "seed": training.seed}
        content = self.task.package({}, facts).content()
        del content["weights"]
        return content

    def weights(self) -> dict[str, Tensor]:
        """Return the weights to save.

        Raises:
            InputError: if they are not finite: finite gradients can make them so if steps are huge.
        """
        weights = self.task.model.state_dict()
        if not all(bool(t.isfinite().all()) for t in weights.values() if t.is_floating_point()):
            raise InputError(
                f"{self.experiment.folder}: the weights became infinite or NaN; {self.advice()}"
            )
        return weights

    @property
    def _kept(self) -> str:
        if self.saved is None:
            return "no checkpoint was saved yet"
        return f"{self.experiment.checkpoint} holds update {self.saved}"

    def advice(self) -> str:
        """Return what is saved, and what to do about numbers that are not finite."""
        config, folder = self.task.config, self.experiment.folder
        resume = ""
        if self.saved is not None:
            resume = f" ({folder}/run.sh --optimizer.lr LOWER --{ACCEPT} true resumes there)"
        other = {"fp16": "bf16 or float32", "bf16": "float32"}.get(config.training.precision)
        return (
            f"{self._kept}; lower optimizer.lr {config.optimizer.lr:g}"
            f"{f', or use training.precision {other}' if other else ''}{resume}"
            ", or leave out clips whose features are wrong"
        )
