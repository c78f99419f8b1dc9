"""Which weights of a run model.pt is made of: the last, the best, or an average of snapshots."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any

from torch import Tensor

from asda.checkpoint import tensor_files
from asda.training.run_config import TrainingConfig
from asda.training.saver import Saver
from asda.training.train_state import TrainState

if TYPE_CHECKING:
    from asda.training.task import Task

log = logging.getLogger(__name__)


class ModelSelection:
    """Ranks the evaluated models of a run, and keeps snapshots of those that may be chosen.

    Args:
        task: with the metric that ranks models
        state: where scores and snapshots are recorded
        saver: writes and reads the snapshots
    """

    def __init__(self, task: Task[Any], state: TrainState, saver: Saver):
        self.task, self.state, self.saver = task, state, saver
        self.config: TrainingConfig = task.config.training

    def add(self, values: dict[str, float]) -> None:
        """Record the score of the present model, and save the model if it is among those to keep.

        Args:
            values: validation quantities
        """
        value = values.get(self.task.metric) if self.task.metric else None
        if value is not None and not math.isfinite(value):
            value = None
        score = -math.inf if value is None else value * (1 if self.task.higher_is_better else -1)
        improved = value is not None and (self.state.best is None or score > self.state.best)
        self.state.best = score if improved else self.state.best
        self.state.since_best = 0 if improved else self.state.since_best + 1
        if self.config.final != "last":
            self._keep(score)

    def _keep(self, score: float) -> None:
        """Save a snapshot of the present model if it is one of the best, the latest first."""
        snapshots = self.state.snapshots | {self.state.update: score}
        keep = 1 if self.config.final == "best" else self.config.snapshots
        ranked = sorted(snapshots, key=lambda update: (snapshots[update], update), reverse=True)
        self.state.snapshots = {update: snapshots[update] for update in ranked[:keep]}
        if self.state.update in self.state.snapshots:
            self.saver.save_snapshot(self.state.update)

    def is_out_of_patience(self) -> bool:
        """Return whether `training.patience` evaluations have brought no improvement; log it."""
        out = bool(self.config.patience) and self.state.since_best >= self.config.patience
        if out:
            log.info("no improvement in %d evaluations: stopping", self.config.patience)
        return out

    def chosen_weights(self) -> tuple[dict[str, Tensor], list[int]]:
        """Return the weights of the final model, and the updates that they are from."""
        if not self.state.snapshots:
            return self.saver.weights(), [self.state.update]
        updates = sorted(self.state.snapshots)
        weights = [self.saver.read_snapshot(update) for update in updates]
        return tensor_files.average_weights(weights), updates

    def metric_value(self, updates: list[int]) -> float | None:
        """Return the validation result of the model of these updates; None for an average."""
        key = f"valid/{self.task.metric}"
        measured = [r[key] for r in self.state.history if [r["update"]] == updates and key in r]
        return measured[-1] if measured else None
