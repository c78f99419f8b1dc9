"""The training loop of every task: update, report, evaluate, save, finish."""

from __future__ import annotations

import contextlib
import logging
import math
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from asda.checkpoint import tensor_files
from asda.checkpoint.saved_model import load_weights
from asda.checkpoint.schema import refusing_damage
from asda.dataset.collate import Batch
from asda.distributed import Process, barrier, failing_together, gather, largest_number
from asda.files import InputError, listed
from asda.kernels.deterministic import deterministic_kernels
from asda.stop_signals import NOTHING_LOST, Stopped, StopRequests
from asda.training.agreement import agree_on_state
from asda.training.compiled_blocks import compile_blocks
from asda.training.experiment import BEGIN, Experiment
from asda.training.model_selection import ModelSelection
from asda.training.progress import Progress
from asda.training.run_config import TrainingConfig
from asda.training.saver import Saver
from asda.training.skipped_updates import LIMIT, SkippedUpdates, UpdateRecord
from asda.training.train_state import Interval, TrainState
from asda.training.updater import Updater

if TYPE_CHECKING:
    from asda.training.task import Task

log = logging.getLogger(__name__)
LATE, STOP = 1, 2  # why a checkpoint is saved between those of training.save_every


def train(
    task: Task[Any], experiment: Experiment, process: Process, stop: StopRequests | None = None
) -> None:
    """Train to the last update, from the experiment's checkpoint if it has one; write model.pt.

    A run that is interrupted and resumed gives bit-identical losses on the same kind of machine, on
    a GPU with training.deterministic: order, masks, augmentation and noise depend only on the seed
    and the update.

    Args:
        stop: requests to stop; None = there are none

    Raises:
        Stopped: on request, after a checkpoint was saved.
        InputError: if losses or gradients stay infinite or NaN, or the checkpoint is damaged.
    """
    task.model.to(process.device)
    if task.config.training.compile:
        compile_blocks(task.model)
    stop = stop or StopRequests()
    run = _Run(task, experiment, process, stop)
    run.resume()
    if requested(stop):
        raise Stopped(stop.received or signal.SIGTERM, NOTHING_LOST if process.is_first else "")
    experiment.claim()
    deterministic = task.config.training.deterministic
    kernels = deterministic_kernels() if deterministic else contextlib.nullcontext()
    with run.reporting(), stop.deferred(), kernels:
        run.run()
        run.finish()
        barrier()
    if requested(stop):
        raise run.stopped(f"stopped after the last update; {experiment.model} is complete")


def requested(stop: StopRequests) -> bool:
    """Return whether any process is asked to stop."""
    return bool(largest_number(int(stop.received is not None)))


class _Run:
    """The state of one call of `train`."""

    def __init__(
        self, task: Task[Any], experiment: Experiment, process: Process, stop: StopRequests
    ):
        self.task, self.experiment, self.process, self.stop = task, experiment, process, stop
        self.config: TrainingConfig = task.config.training
        self.state = TrainState()
        self.interval = Interval()
        self.saver = Saver(task, experiment, process)
        self.updater = Updater(task, process, self.saver)
        self.progress: Progress | None = None

    def resume(self) -> None:
        """Restore the checkpoint, if there is one."""
        if self.experiment.checkpoint.exists():
            self._restore(self.experiment.checkpoint)
            self.saver.saved = self.state.update
            log.info("resuming after update %d", self.state.update)
            with failing_together():
                lost = self.saver.lost_snapshots(self.state)
            for update in gather(lost)[0]:
                del self.state.snapshots[update]
        else:
            log.info(BEGIN)
        agree_on_state(self.task.model, self.state.update, self.process)
        self.state.divide(self.process.world_size * self.task.config.data.batch_measure)
        self.skips = SkippedUpdates(self.state)
        self.selection = ModelSelection(self.task, self.state, self.saver)

    @contextlib.contextmanager
    def reporting(self) -> Iterator[None]:
        """Report progress within the block; the bar stays on the screen only if the run ends."""
        if self.process.is_first:
            folder, state = self.experiment.folder, self.state
            self.progress = Progress(folder, self.config.updates, state.history, state.update)
        try:
            yield
        finally:
            if self.progress:
                self.progress.close()

    def _restore(self, path: Path) -> None:
        try:
            content = tensor_files.load(path, "model", "optimizer", "scaler", "interval")
        except InputError as error:
            raise InputError(f"{error}; remove it to begin the run anew") from None
        if "progression" in content:  # the name of this entry in the first checkpoints
            content["state"] = content.pop("progression")
        load_weights(self.task.model, content["model"], path)
        with refusing_damage(path):
            self.updater.optimizer.load_state_dict(content["optimizer"])
            if content["scaler"]:  # empty if the run was not in fp16 so far
                self.updater.scaler.load_state_dict(content["scaler"])
            self.state = TrainState.restored(content["state"], path)
        self.interval = Interval.restored(content["interval"], path)
        if self.state.update > self.config.updates:
            raise InputError(
                f"{path}: holds {self.state.update} updates, more than training.updates"
                f" {self.config.updates}; asda average {path} --out MODEL writes its model"
            )

    def run(self) -> None:
        """Train to the last update, or until patience ends."""
        with contextlib.closing(iter(self.task.loader(self.state.batches))) as batches:
            self.updater.model.train()
            self._evaluate_if_due()  # a run may be stopped between an update and its evaluation
            while not self._is_complete():
                self._update(batches)
                if self._is_due(self.config.log_every):
                    means = self.interval.close()
                    self._report("train", self.task.summarised(means, self.state.batches))
                if self._evaluation_is_due:
                    self._save_or_stop(due=False)  # an evaluation can take long
                self._evaluate_if_due()
                self._save_or_stop(self._is_due(self.config.save_every))

    def _is_complete(self) -> bool:
        return self.state.update >= self.config.updates or self.selection.is_out_of_patience()

    def _update(self, batches: Iterator[Batch]) -> None:
        """Make one update and record its numbers."""
        stats = self.updater.update(batches, self.state)
        skipped = stats.pop("skipped")
        self.interval.add(stats, skipped)
        self.skips.add(UpdateRecord(self.state.update, skipped, self.updater.utterances))
        if self.skips.is_full or self._is_due(self.config.log_every):
            self._count_skipped()
        if self.progress:
            self.progress.advance(self.state.update)

    def _count_skipped(self) -> None:
        """Find out which updates were skipped, and give up if too many were in a row."""
        last = self.skips.count()
        if last is None:
            return
        clips = sorted(name for part in gather(last.utterances) for name in part)
        raise InputError(
            f"{self.experiment.folder}: loss or gradient not finite in {LIMIT} updates in a row,"
            f" all skipped (the last was update {last.update}, with {listed(clips)});"
            f" {self.saver.advice()}"
        )

    def _is_due(self, every: int) -> bool:
        return bool(every) and (
            self.state.update % every == 0 or self.state.update == self.config.updates
        )

    def _report(self, group: str, values: dict[str, float]) -> None:
        if group == "train":
            values["learning_rate"] = self.updater.optimizer.param_groups[-1]["lr"]
            if warning := self.task.warning(values):
                log.warning("after update %d: %s", self.state.update, warning)
        elif not math.isfinite(values.get("loss", 0.0)):
            log.warning("after update %d: the validation loss is not finite", self.state.update)
        if self.progress:
            self.progress.report(self.state.update, group, values)

    @property
    def _evaluation_is_due(self) -> bool:
        done = self.state.evaluated == self.state.update
        return not done and self._is_due(self.config.evaluate_every)

    def _evaluate_if_due(self) -> None:
        if self._evaluation_is_due:
            self._evaluate()
            self.state.evaluated = self.state.update

    def _evaluate(self) -> None:
        self.updater.model.eval()
        with self.updater.autocast(), torch.no_grad():
            values = self.task.evaluate()
        self.updater.model.train()
        if values:
            self._report("valid", values)
        self.selection.add(values)
        if self.progress:
            self.progress.draw()

    def _save_or_stop(self, due: bool) -> None:
        """Save if it is due, by updates or by time, and stop if one of the processes is asked to.

        Raises:
            Stopped: after saving.
        """
        wanted = STOP if self.stop.received else LATE if self.saver.is_late else 0
        wanted = largest_number(wanted)  # all processes must do the same
        if due or wanted:
            self._count_skipped()
            self._save()
        if wanted == STOP:
            barrier()  # the first process is still writing when the others come here
            raise self.stopped(self._stopped_message())

    def _stopped_message(self) -> str:
        done = f"stopped after update {self.state.update} of {self.config.updates}"
        if self.saver.saved is None:
            return f"{done}; nothing was saved, since the last updates were skipped"
        later = "" if self.saver.saved == self.state.update else f" of update {self.saver.saved}"
        return (
            f"{done}; saved to {self.experiment.checkpoint}{later}; the same command resumes there"
        )

    def stopped(self, message: str) -> Stopped:
        """Log why the run stops, and return the exception that ends this process."""
        log.info("%s", message)
        return Stopped(self.stop.received or signal.SIGTERM)  # or asked for in another process

    def _save(self) -> None:
        optimizer, scaler = self.updater.optimizer.state_dict(), self.updater.scaler.state_dict()
        parts = {"optimizer": optimizer, "scaler": scaler, "interval": self.interval.content()}
        self.saver.save_checkpoint(self.state, parts)

    def finish(self) -> None:
        """Write model.pt from the last weights or the snapshots, and draw the curves."""
        if not self.process.is_first:
            return
        if self.state.skipped_in_a_row:
            log.warning(
                "updates skipped at the end: %d; score the model before you use it",
                self.state.skipped_in_a_row,
            )
        final = self.config.final if self.state.snapshots else "last"
        weights, chosen = self.selection.chosen_weights()
        facts = {
            "updates": self.state.update,
            "final": final,
            "from_updates": chosen,
            "metric": self.task.metric,
            "metric_value": self.selection.metric_value(chosen),
            "seed": self.config.seed,
        }
        self.saver.write(self.task.package(weights, facts).content(), self.experiment.model)
        if self.progress:
            self.progress.complete()
        log.info("wrote %s (%s of updates %s)", self.experiment.model, final, chosen)
