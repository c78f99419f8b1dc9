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
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from asda.checkpoint import tensor_files
from asda.checkpoint.saved_model import load_weights
from asda.checkpoint.schema import refusing_damage, restore
from asda.dataset.collate import Batch
from asda.distributed import Process, barrier, failing_together, gather, largest, largest_number
from asda.files import InputError
from asda.kernels.recompute import recompute_outputs, recomputing
from asda.stop_signals import NOTHING_LOST, Stopped, StopRequests
from asda.training.experiment import BEGIN, Experiment
from asda.training.optimizer import (
    learning_rate,
    make_optimizer,
    set_learning_rate,
    set_reference_eps,
    skip_next_step,
)
from asda.training.progress import Progress
from asda.training.run_config import OptimizerConfig, TrainingConfig
from asda.training.saver import Saver
from asda.training.skipped_updates import LIMIT, Made, SkippedUpdates, named
from asda.training.train_state import Interval, TrainState

if TYPE_CHECKING:
    from asda.training.task import Task

log = logging.getLogger(__name__)
PRECISIONS = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
SMALLEST_LOSS_SCALE = 1e-6
LATE, STOP = 1, 2  # why a checkpoint is saved between those of training.save_every


def train(
    task: Task[Any], experiment: Experiment, process: Process, stop: StopRequests | None = None
) -> None:
    """Train to the last update, from the experiment's checkpoint if it has one; write model.pt.

    A run that is interrupted and resumed gives bit-identical losses on the same kind of machine:
    order, masks, augmentation and noise depend only on the seed and the update.

    Args:
        stop: requests to stop; None = there are none

    Raises:
        Stopped: on request, after a checkpoint was saved.
        InputError: if losses or gradients stay infinite or NaN, or the checkpoint is damaged.
    """
    task.model.to(process.device)
    if process.device.type == "cpu":
        recompute_outputs(task.model)
    stop = stop or StopRequests()
    run = _Run(task, experiment, process, stop)
    run.resume()
    if requested(stop):
        raise Stopped(stop.received or signal.SIGTERM, NOTHING_LOST if process.is_first else "")
    experiment.claim()
    with run.reporting(), stop.deferred():
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
        self.optimizer_config: OptimizerConfig = task.config.optimizer
        self.state = TrainState()
        self.interval = Interval()
        self.utterances: list[str] = []  # of the present update, in this process
        self.saver = Saver(task, experiment, process)
        self.optimizer = make_optimizer(task.model, self.optimizer_config)
        self.parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        self.scaler = torch.amp.GradScaler(
            process.device.type, init_scale=128.0, enabled=self.config.precision == "fp16"
        )
        self.model = DistributedDataParallel(task.model) if process.world_size > 1 else task.model
        self.progress: Progress | None = None

    def resume(self) -> None:
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
        self.state.divide(self.process.world_size * self.task.config.data.batch_size)
        self.skips = SkippedUpdates(self.state)

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
        if "progression" in content:  # how this entry was called in the first checkpoints
            content["state"] = content.pop("progression")
        load_weights(self.task.model, content["model"], path)
        with refusing_damage(path):
            self.optimizer.load_state_dict(content["optimizer"])
            if content["scaler"]:  # empty if the run was not in fp16 so far
                self.scaler.load_state_dict(content["scaler"])
            self.state = TrainState.restored(content["state"], path)
        self.interval = restore(Interval, content["interval"], path)
        if self.state.update > self.config.updates:
            raise InputError(
                f"{path}: holds {self.state.update} updates, more than training.updates"
                f" {self.config.updates}; asda average {path} --out MODEL makes a model of it"
            )

    def run(self) -> None:
        with contextlib.closing(iter(self.task.loader(self.state.batches))) as batches:
            self.model.train()
            self._evaluate_if_due()  # a run may be stopped between an update and its evaluation
            while self.state.update < self.config.updates and not self._out_of_patience():
                self._update_and_note(batches)
                if self._is_due(self.config.log_every):
                    self._report("train", self.interval.close())
                if self._evaluation_is_due:
                    self._save_or_stop(due=False)  # an evaluation can take long
                self._evaluate_if_due()
                self._save_or_stop(self._is_due(self.config.save_every))

    def _update_and_note(self, batches: Iterator[Batch]) -> None:
        self.utterances = []
        stats = self._update(batches)
        skipped = stats.pop("skipped")
        self.interval.add(stats, skipped)
        self.skips.note(Made(self.state.update, skipped, self.utterances))
        if self.skips.is_full or self._is_due(self.config.log_every):
            self._settle()
        if self.progress:
            self.progress.advance(self.state.update)

    def _settle(self) -> None:
        """Look at which updates were skipped, and give up if too many were in a row."""
        last = self.skips.settle()
        if last is None:
            return
        clips = sorted(name for part in gather(last.utterances) for name in part)
        raise InputError(
            f"{self.experiment.folder}: loss or gradient not finite in {LIMIT} updates in a row,"
            f" all skipped (the last was update {last.update}, with {named(clips)});"
            f" {self.saver.advice()}"
        )

    def _update(self, batches: Iterator[Batch]) -> dict[str, Tensor]:
        """Make one optimizer update; an fp16 overflow repeats it on further batches.

        Return the numbers to report. An update whose loss or gradient is not finite changes nothing
        and returns 1 as "skipped".
        """
        self.task.before_update(self.state.update)
        while True:
            set_learning_rate(self.optimizer, self.optimizer_config, self._rate)
            stats = self._backward(batches)
            self.scaler.unscale_(self.optimizer)
            stats["grad_norm"] = self._clip()
            stats["skipped"] = self._not_finite(stats)
            if self.optimizer_config.eps_form == "reference":
                set_reference_eps(self.optimizer, self.optimizer_config, self.state.update + 1)
            scale = self.scaler.get_scale()
            self.scaler.step(self.optimizer)
            self.scaler.update()
            self.optimizer.zero_grad(set_to_none=True)
            if self.scaler.get_scale() >= scale:
                self.state.update += 1
                return stats
            if self.scaler.get_scale() < SMALLEST_LOSS_SCALE:
                raise InputError(
                    f"{self.experiment.folder}: gradients overflow fp16 at update"
                    f" {self.state.update} at any loss scale, with {named(self.utterances)};"
                    f" {self.saver.advice()}"
                )

    def _not_finite(self, stats: dict[str, Tensor]) -> Tensor:
        """Have the optimizer skip a step from numbers that are not finite; return 1 if it does.

        In fp16 the loss scaler skips steps and repeats them.
        """
        finite = stats["grad_norm"].isfinite() & stats["loss"].isfinite()
        if self.scaler.is_enabled():
            return torch.zeros_like(stats["loss"])
        skipped = largest(1 - finite.float())
        skip_next_step(self.optimizer, skipped)
        return skipped

    def _rate(self, peak: float) -> float:
        return learning_rate(self.state.update, peak, self.optimizer_config, self.config.updates)

    def _backward(self, batches: Iterator[Batch]) -> dict[str, Tensor]:
        """Accumulate the gradient of one update; return the mean of the reported numbers."""
        total: dict[str, Tensor] = {}
        for micro in range(self.config.accumulation):
            batch = next(batches).to(self.process.device)
            self.utterances += batch.utterances
            last = micro == self.config.accumulation - 1
            stats = self._forward_backward(
                batch, self.config.seed + self.state.update + micro * self.config.updates, last
            )
            for key, value in stats.items():
                part = value.detach().float() / self.config.accumulation
                total[key] = total[key] + part if key in total else part
            self.state.batches += 1
        return total

    def _forward_backward(self, batch: Batch, seed: int, last: bool) -> dict[str, Tensor]:
        """Add the gradient of a micro-batch; return its loss and the task's numbers."""
        torch.manual_seed(seed)  # dropped paths and noise depend on the update alone
        with self._gradient_exchange(last), self._autocast(), self._recomputing():
            loss, stats = self.task.loss(self.model, batch, seed)
            self.scaler.scale(loss / self.config.accumulation).backward()
        return stats | {"loss": loss}

    def _gradient_exchange(self, last: bool) -> contextlib.AbstractContextManager[None]:
        """Exchange gradients between processes once per update, after the last micro-batch."""
        if isinstance(self.model, DistributedDataParallel) and not last:
            return self.model.no_sync()
        return contextlib.nullcontext()

    def _recomputing(self) -> contextlib.AbstractContextManager[None]:
        """Spare memory on CPUs, where cheap activations are as slow to fetch as to recompute."""
        return recomputing() if self.process.device.type == "cpu" else contextlib.nullcontext()

    def _autocast(self) -> torch.autocast:
        dtype = PRECISIONS[self.config.precision]
        return torch.autocast(self.process.device.type, dtype=dtype, enabled=dtype != torch.float32)

    def _clip(self) -> Tensor:
        limit = self.optimizer_config.clip_norm or math.inf
        return nn.utils.clip_grad_norm_(self.parameters, limit, foreach=True)

    def _is_due(self, every: int) -> bool:
        return bool(every) and (
            self.state.update % every == 0 or self.state.update == self.config.updates
        )

    def _report(self, group: str, values: dict[str, float]) -> None:
        if group == "train":
            values["learning_rate"] = self.optimizer.param_groups[-1]["lr"]
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
        self.model.eval()
        with self._autocast(), torch.no_grad():
            values = self.task.evaluate()
        self.model.train()
        if values:
            self._report("valid", values)
        self._rank(values.get(self.task.metric) if self.task.metric else None)
        if self.progress:
            self.progress.draw()

    def _rank(self, value: float | None) -> None:
        """Record the score of the model, and save the model if it is among those to keep."""
        if value is not None and not math.isfinite(value):
            value = None
        score = -math.inf if value is None else value * (1 if self.task.higher_is_better else -1)
        improved = value is not None and (self.state.best is None or score > self.state.best)
        self.state.best = score if improved else self.state.best
        self.state.since_best = 0 if improved else self.state.since_best + 1
        if self.config.final == "last":
            return
        self.state.snapshots[self.state.update] = score
        keep = 1 if self.config.final == "best" else self.config.snapshots
        ranked = sorted(
            self.state.snapshots, key=lambda u: (self.state.snapshots[u], u), reverse=True
        )
        self.state.snapshots = {update: self.state.snapshots[update] for update in ranked[:keep]}
        if self.state.update in self.state.snapshots:
            self.saver.save_snapshot(self.state.update)

    def _out_of_patience(self) -> bool:
        out = bool(self.config.patience) and self.state.since_best >= self.config.patience
        if out:
            log.info("no improvement in %d evaluations: stopping", self.config.patience)
        return out

    def _save_or_stop(self, due: bool) -> None:
        """Save if it is due, by updates or by time, and stop if one of the processes is asked to.

        Raises:
            Stopped: after saving.
        """
        wanted = STOP if self.stop.received else LATE if self.saver.is_late else 0
        wanted = largest_number(wanted)  # all processes must do the same
        if due or wanted:
            self._settle()
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
        parts = {"optimizer": self.optimizer.state_dict(), "scaler": self.scaler.state_dict()}
        self.saver.save_checkpoint(self.state, parts | {"interval": vars(self.interval)})

    def finish(self) -> None:
        """Write model.pt from the last weights or the snapshots, and draw the curves."""
        if not self.process.is_first:
            return
        if self.state.skipped_in_a_row:
            log.warning(
                "updates skipped at the end: %d; measure the model before you use it",
                self.state.skipped_in_a_row,
            )
        final = self.config.final
        if not self.state.snapshots:
            final = "last"
            weights, chosen = self.saver.weights(), [self.state.update]
        else:
            chosen = sorted(self.state.snapshots)
            weights = tensor_files.average_weights([self.saver.read_snapshot(u) for u in chosen])
        facts = {
            "updates": self.state.update,
            "final": final,
            "from_updates": chosen,
            "metric": self.task.metric,
            "metric_value": self._metric_value(chosen),
            "seed": self.config.seed,
        }
        self.saver.write(self.task.package(weights, facts).content(), self.experiment.model)
        if self.progress:
            self.progress.complete()
        log.info("wrote %s (%s of updates %s)", self.experiment.model, final, chosen)

    def _metric_value(self, chosen: list[int]) -> float | None:
        """Return the validation result of the model that was chosen; None for an average."""
        key = f"valid/{self.task.metric}"
        measured = [r[key] for r in self.state.history if [r["update"]] == chosen and key in r]
        return measured[-1] if measured else None
