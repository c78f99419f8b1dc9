"""The training loop of every task: update, report, evaluate, save, finish."""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from asda.checkpoint import tensor_files
from asda.checkpoint.saved_model import check_tensors, load_weights
from asda.checkpoint.schema import refusing_damage, restore
from asda.dataset.clips import Clips
from asda.dataset.collate import Batch
from asda.dataset.loaders import Loader, training_loader
from asda.distributed import Process, barrier
from asda.files import InputError
from asda.training.experiment import Experiment
from asda.training.optimizer import (
    learning_rate,
    make_optimizer,
    set_learning_rate,
    set_reference_eps,
)
from asda.training.progress import History, Progress
from asda.training.run_config import OptimizerConfig, TrainingConfig

log = logging.getLogger(__name__)
PRECISIONS = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
SMALLEST_LOSS_SCALE = 1e-6


class Task:
    """What a task brings to the loop.

    Attributes:
        config: of the run, with its `training`
        model: the module that is trained
        clips: what it is trained on
        metric: validation quantity that ranks models, None if none does
        higher_is_better: how `metric` ranks
    """

    config: Any
    process: Process
    model: nn.Module
    clips: Clips
    metric: str | None = None
    higher_is_better: bool = False

    def loader(self, start: int) -> Loader:
        """Return the endless training loader from its `start`-th batch on."""
        seed, process = self.config.training.seed, self.process
        return training_loader(self.clips, seed, process.rank, process.world_size, start)

    def loss(self, model: nn.Module, batch: Batch, seed: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of a micro-batch on the device, and numbers to report."""

    def before_update(self, update: int) -> None:
        """Prepare for the next update after `update` completed ones; nothing unless overridden."""

    def warning(self, stats: dict[str, float]) -> str | None:
        """Return what the reported numbers of an interval warn of; nothing unless overridden."""

    def evaluate(self) -> dict[str, float]:
        """Return validation quantities; empty without a validation set."""

    def package(self, weights: dict[str, Tensor], facts: dict[str, Any]) -> dict[str, Any]:
        """Return the content of the finished model's file."""


@dataclass
class Progression:
    """How far a run has come."""

    update: int = 0
    batches: int = 0
    history: History = field(default_factory=list)
    snapshots: dict[int, float] = field(default_factory=dict)
    best: float | None = None
    since_best: int = 0


def train(
    task: Task,
    optimizer_config: OptimizerConfig,
    config: TrainingConfig,
    experiment: Experiment,
    process: Process,
) -> None:
    """Train to the last update, from the experiment's checkpoint if it has one, and write model.pt.

    A run that is stopped and started again gives the same losses bit for bit on the same kind of
    machine: order, masks, augmentation and noise depend on the seed and the update alone.
    """
    task.model.to(process.device)
    run = _Run(task, optimizer_config, config, experiment, process)
    run.resume()
    run.to_the_end()
    run.finish()
    barrier()


class _Run:
    """The state of one call of `train`."""

    def __init__(self, task, optimizer_config, config, experiment, process):
        self.task, self.config, self.optimizer_config = task, config, optimizer_config
        self.experiment, self.process = experiment, process
        self.at = Progression()
        self.optimizer = make_optimizer(task.model, optimizer_config)
        self.parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        self.scaler = torch.amp.GradScaler(
            process.device.type, init_scale=128.0, enabled=config.precision == "fp16"
        )
        self.model = DistributedDataParallel(task.model) if process.world_size > 1 else task.model
        self.interval = _Interval()
        self.progress: Progress | None = None

    def resume(self) -> None:
        if self.experiment.checkpoint.exists():
            self._restore(self.experiment.checkpoint)
            log.info("continuing after update %d", self.at.update)
        if self.process.is_first:
            self.progress = Progress(self.experiment.folder, self.config.updates, self.at.history)

    def _restore(self, path: Path) -> None:
        parts = ("model", "optimizer", "scaler", "progression", "interval")
        state = tensor_files.load(path, *parts)
        load_weights(self.task.model, state["model"], path)
        with refusing_damage(path):
            self.optimizer.load_state_dict(state["optimizer"])
            self.scaler.load_state_dict(state["scaler"])
        self.at = restore(Progression, state["progression"], path)
        self.interval = restore(_Interval, state["interval"], path)

    def to_the_end(self) -> None:
        batches = iter(self.task.loader(self.at.batches))
        self.model.train()
        while self.at.update < self.config.updates and not self._out_of_patience():
            self.interval.add(self._update(batches))
            if self._due(self.config.log_every):
                self._report("train", self.interval.close())
            if self._due(self.config.evaluate_every):
                self._evaluate()
            if self._due(self.config.save_every):
                self._save()

    def _update(self, batches: Iterator[Batch]) -> dict[str, Tensor]:
        """Make one optimizer update; an update that fp16 overflows is repeated on new batches."""
        self.task.before_update(self.at.update)
        while True:
            set_learning_rate(self.optimizer, self.optimizer_config, self._rate)
            stats = self._backward(batches)
            self.scaler.unscale_(self.optimizer)
            stats["grad_norm"] = self._clip()
            if self.optimizer_config.eps_form == "reference":
                set_reference_eps(self.optimizer, self.optimizer_config, self.at.update + 1)
            scale = self.scaler.get_scale()
            self.scaler.step(self.optimizer)
            self.scaler.update()
            self.optimizer.zero_grad(set_to_none=True)
            if self.scaler.get_scale() >= scale:
                self.at.update += 1
                return stats
            if self.scaler.get_scale() < SMALLEST_LOSS_SCALE:
                raise InputError(
                    f"{self.experiment.folder}: gradients overflow fp16 at update"
                    f" {self.at.update} whatever the loss scale; use precision bf16 or float32"
                )

    def _rate(self, peak: float) -> float:
        return learning_rate(self.at.update, peak, self.optimizer_config, self.config.updates)

    def _backward(self, batches: Iterator[Batch]) -> dict[str, Tensor]:
        """Accumulate the gradient of one update; return the mean of what the task reports."""
        total: dict[str, Tensor] = {}
        for micro in range(self.config.accumulation):
            batch = next(batches).to(self.process.device)
            seed = self.config.seed + self.at.update + micro * self.config.updates
            torch.manual_seed(seed)
            last = micro == self.config.accumulation - 1
            with self._gradient_exchange(last), self._autocast():
                loss, stats = self.task.loss(self.model, batch, seed)
                self.scaler.scale(loss / self.config.accumulation).backward()
            for key, value in (stats | {"loss": loss}).items():
                part = value.detach().float() / self.config.accumulation
                total[key] = total[key] + part if key in total else part
            self.at.batches += 1
        return total

    def _gradient_exchange(self, last: bool) -> contextlib.AbstractContextManager:
        """Exchange gradients between processes once per update, after the last micro-batch."""
        if self.process.world_size > 1 and not last:
            return self.model.no_sync()
        return contextlib.nullcontext()

    def _autocast(self) -> torch.autocast:
        dtype = PRECISIONS[self.config.precision]
        return torch.autocast(self.process.device.type, dtype=dtype, enabled=dtype != torch.float32)

    def _clip(self) -> Tensor:
        limit = self.optimizer_config.clip_norm or math.inf
        return nn.utils.clip_grad_norm_(self.parameters, limit, foreach=True)

    def _due(self, every: int) -> bool:
        return bool(every) and (
            self.at.update % every == 0 or self.at.update == self.config.updates
        )

    def _report(self, group: str, values: dict[str, float]) -> None:
        if not math.isfinite(values.get("loss", 0.0)):
            raise InputError(
                f"{self.experiment.folder}: the loss became {values['loss']} at update"
                f" {self.at.update}; lower optimizer.lr or use precision bf16 or float32"
            )
        if group == "train":
            values["learning_rate"] = self.optimizer.param_groups[-1]["lr"]
            if warning := self.task.warning(values):
                log.warning("after update %d: %s", self.at.update, warning)
        if self.progress:
            self.progress.report(self.at.update, group, values)

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
        """Remember how good the model is, and keep it if it is among those to average."""
        score = -math.inf if value is None else value * (1 if self.task.higher_is_better else -1)
        improved = value is not None and (self.at.best is None or score > self.at.best)
        self.at.best = score if improved else self.at.best
        self.at.since_best = 0 if improved else self.at.since_best + 1
        if self.config.final == "last":
            return
        self.at.snapshots[self.at.update] = score
        keep = 1 if self.config.final == "best" else self.config.snapshots
        ranked = sorted(self.at.snapshots, key=lambda u: (self.at.snapshots[u], u), reverse=True)
        self.at.snapshots = {update: self.at.snapshots[update] for update in ranked[:keep]}
        if self.process.is_first and self.at.update in self.at.snapshots:
            path = self.experiment.snapshot(self.at.update)
            tensor_files.save({"model": self.task.model.state_dict()}, path)

    def _out_of_patience(self) -> bool:
        out = bool(self.config.patience) and self.at.since_best >= self.config.patience
        if out:
            log.info("no better model in %d evaluations: stopping", self.config.patience)
        return out

    def _save(self) -> None:
        if not self.process.is_first:
            return
        content = {
            "model": self.task.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "progression": vars(self.at),
            "interval": vars(self.interval),
        }
        tensor_files.save(content, self.experiment.checkpoint)
        for path in self.experiment.folder.glob("snapshots/*.pt"):
            if int(path.stem.split("_")[1]) not in self.at.snapshots:
                path.unlink()

    def finish(self) -> None:
        """Write model.pt from the last or the kept weights, and the curves."""
        if not self.process.is_first:
            return
        if not self.at.snapshots:
            weights, chosen = self.task.model.state_dict(), [self.at.update]
        else:
            chosen = sorted(self.at.snapshots)
            weights = tensor_files.average_weights([self._snapshot(u) for u in chosen])
        facts = {
            "updates": self.at.update,
            "final": self.config.final,
            "from_updates": chosen,
            "metric": self.task.metric,
            "seed": self.config.seed,
        }
        tensor_files.save(self.task.package(weights, facts), self.experiment.model)
        log.info("wrote %s (%s of updates %s)", self.experiment.model, self.config.final, chosen)
        self.progress.close()

    def _snapshot(self, update: int) -> dict[str, Tensor]:
        path = self.experiment.snapshot(update)
        weights = tensor_files.load(path, "model")["model"]
        check_tensors(self.task.model.state_dict(), weights, path)
        return weights


@dataclass
class _Interval:
    """Means over the updates since the last report, kept on the device until asked for."""

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
