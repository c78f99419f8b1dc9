"""The training loop of every task: update, report, evaluate, save, finish."""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from asda.checkpoint import tensor_files
from asda.checkpoint.saved_model import check_tensors, load_weights
from asda.checkpoint.schema import refusing_damage, restore
from asda.dataset.collate import Batch
from asda.distributed import Process, barrier
from asda.files import InputError
from asda.kernels.recompute import recompute_outputs, recomputing
from asda.training.experiment import Experiment
from asda.training.optimizer import (
    learning_rate,
    make_optimizer,
    set_learning_rate,
    set_reference_eps,
)
from asda.training.progress import History, Progress
from asda.training.run_config import OptimizerConfig, TrainingConfig

if TYPE_CHECKING:
    from asda.training.task import Task

log = logging.getLogger(__name__)
PRECISIONS = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
SMALLEST_LOSS_SCALE = 1e-6


@dataclass
class TrainState:
    """How far a run has come.

    Attributes:
        update: completed updates
        batches: micro-batches that were read
        history: reported rows of numbers
        snapshots: update -> score of the models that are kept
        best: best score so far
        since_best: evaluations since then
    """

    update: int = 0
    batches: int = 0
    history: History = field(default_factory=list)
    snapshots: dict[int, float] = field(default_factory=dict)
    best: float | None = None
    since_best: int = 0


def train(task: Task[Any], experiment: Experiment, process: Process) -> None:
    """Train to the last update, from the experiment's checkpoint if it has one; write model.pt.

    A run that is interrupted and resumed gives bit-identical losses on the same kind of machine:
    order, masks, augmentation and noise depend only on the seed and the update.
    """
    task.model.to(process.device)
    if process.device.type == "cpu":
        recompute_outputs(task.model)
    run = _Run(task, experiment, process)
    run.resume()
    run.run()
    run.finish()
    barrier()


class _Run:
    """The state of one call of `train`."""

    def __init__(self, task: Task[Any], experiment: Experiment, process: Process):
        self.task, self.experiment, self.process = task, experiment, process
        self.config: TrainingConfig = task.config.training
        self.optimizer_config: OptimizerConfig = task.config.optimizer
        self.state = TrainState()
        self.interval = _Interval()
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
            log.info("resuming after update %d", self.state.update)
        if self.process.is_first:
            folder, updates = self.experiment.folder, self.config.updates
            self.progress = Progress(folder, updates, self.state.history)

    def _restore(self, path: Path) -> None:
        content = tensor_files.load(path, "model", "optimizer", "scaler", "interval")
        if "progression" in content:  # how this entry was called in the first checkpoints
            content["state"] = content.pop("progression")
        load_weights(self.task.model, content["model"], path)
        with refusing_damage(path):
            self.optimizer.load_state_dict(content["optimizer"])
            self.scaler.load_state_dict(content["scaler"])
            self.state = restore(TrainState, content["state"], path)
        self.interval = restore(_Interval, content["interval"], path)

    def run(self) -> None:
        batches = iter(self.task.loader(self.state.batches))
        self.model.train()
        while self.state.update < self.config.updates and not self._out_of_patience():
            self.interval.add(self._update(batches))
            if self._is_due(self.config.log_every):
                self._report("train", self.interval.close())
            if self._is_due(self.config.evaluate_every):
                self._evaluate()
            if self._is_due(self.config.save_every):
                self._save()

    def _update(self, batches: Iterator[Batch]) -> dict[str, Tensor]:
        """Make one optimizer update; an fp16 overflow repeats it on further batches."""
        self.task.before_update(self.state.update)
        while True:
            set_learning_rate(self.optimizer, self.optimizer_config, self._rate)
            stats = self._backward(batches)
            self.scaler.unscale_(self.optimizer)
            stats["grad_norm"] = self._clip()
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
                    f" {self.state.update} at any loss scale; use training.precision bf16 or"
                    " float32"
                )

    def _rate(self, peak: float) -> float:
        return learning_rate(self.state.update, peak, self.optimizer_config, self.config.updates)

    def _backward(self, batches: Iterator[Batch]) -> dict[str, Tensor]:
        """Accumulate the gradient of one update; return the mean of the reported numbers."""
        total: dict[str, Tensor] = {}
        for micro in range(self.config.accumulation):
            batch = next(batches).to(self.process.device)
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
        if not math.isfinite(values.get("loss", 0.0)):
            raise InputError(
                f"{self.experiment.folder}: the loss became {values['loss']} at update"
                f" {self.state.update}; lower optimizer.lr or use training.precision bf16 or"
                " float32"
            )
        if group == "train":
            values["learning_rate"] = self.optimizer.param_groups[-1]["lr"]
            if warning := self.task.warning(values):
                log.warning("after update %d: %s", self.state.update, warning)
        if self.progress:
            self.progress.report(self.state.update, group, values)

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
        if self.process.is_first and self.state.update in self.state.snapshots:
            path = self.experiment.snapshot(self.state.update)
            tensor_files.save({"model": self.task.model.state_dict()}, path)

    def _out_of_patience(self) -> bool:
        out = bool(self.config.patience) and self.state.since_best >= self.config.patience
        if out:
            log.info("no improvement in %d evaluations: stopping", self.config.patience)
        return out

    def _save(self) -> None:
        if not self.process.is_first:
            return
        content = {
            "model": self.task.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "state": vars(self.state),
            "interval": vars(self.interval),
        }
        tensor_files.save(content, self.experiment.checkpoint)
        for path in self.experiment.folder.glob("snapshots/*.pt"):
            if int(path.stem.split("_")[1]) not in self.state.snapshots:
                path.unlink()

    def finish(self) -> None:
        """Write model.pt from the last weights or the snapshots, and draw the curves."""
        if not self.process.is_first:
            return
        if not self.state.snapshots:
            weights, chosen = self.task.model.state_dict(), [self.state.update]
        else:
            chosen = sorted(self.state.snapshots)
            weights = tensor_files.average_weights([self._snapshot(u) for u in chosen])
        facts = {
            "updates": self.state.update,
            "final": self.config.final,
            "from_updates": chosen,
            "metric": self.task.metric,
            "metric_value": self._metric_value(chosen),
            "seed": self.config.seed,
        }
        tensor_files.save(self.task.package(weights, facts).content(), self.experiment.model)
        log.info("wrote %s (%s of updates %s)", self.experiment.model, self.config.final, chosen)
        if self.progress:
            self.progress.close()

    def _metric_value(self, chosen: list[int]) -> float | None:
        """Return the validation result of the model that was chosen; None for an average."""
        key = f"valid/{self.task.metric}"
        measured = [r[key] for r in self.state.history if [r["update"]] == chosen and key in r]
        return measured[-1] if measured else None

    def _snapshot(self, update: int) -> dict[str, Tensor]:
        path = self.experiment.snapshot(update)
        weights: dict[str, Tensor] = tensor_files.load(path, "model")["model"]
        check_tensors(self.task.model.state_dict(), weights, path)
        return weights


@dataclass
class _Interval:
    """Means over the updates since the last report.

    Sums stay on the device, so that updates need not wait for it.
    """

    sums: dict[str, Tensor] = field(default_factory=dict)
    count: int = 0

    def add(self, stats: dict[str, Tensor]) -> None:
        for key, value in stats.items():
            self.sums[key] = self.sums[key] + value if key in self.sums else value
        self.count += 1

    def close(self) -> dict[str, float]:
        means = {key: float(value) / self.count for key, value in self.sums.items()}
        self.sums, self.count = {}, 0
        return means
