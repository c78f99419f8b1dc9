"""One optimizer update: micro-batches, precision, gradient clipping, and skipping."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from asda.dataset.collate import Batch
from asda.distributed import Process, largest
from asda.files import InputError, listed
from asda.kernels.precision import autocast
from asda.kernels.recompute import recompute_where_it_pays
from asda.training.optimizer import (
    learning_rate,
    make_optimizer,
    set_learning_rate,
    set_reference_eps,
    skip_next_step,
)
from asda.training.run_config import OptimizerConfig, TrainingConfig
from asda.training.saver import Saver
from asda.training.train_state import TrainState

if TYPE_CHECKING:
    from asda.training.task import Task

SMALLEST_LOSS_SCALE = 1e-6


class Updater:
    """Makes the optimizer updates of a run.

    Args:
        task: with model and loss
        process: this process
        saver: says in errors what is saved and what to do

    Attributes:
        model: the model of the task, wrapped for several processes
        optimizer, scaler: part of every checkpoint
        utterances: clips of the last update, in this process
    """

    def __init__(self, task: Task[Any], process: Process, saver: Saver):
        self.task, self.process, self.saver = task, process, saver
        self.config: TrainingConfig = task.config.training
        self.optimizer_config: OptimizerConfig = task.config.optimizer
        self.optimizer = make_optimizer(task.model, self.optimizer_config)
        self.parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        self.recomputing: Callable[[], contextlib.AbstractContextManager[None]] = (
            contextlib.nullcontext  # compiled blocks decide themselves what they store
            if self.config.compile
            else recompute_where_it_pays(task.model)
        )
        self.scaler = torch.amp.GradScaler(
            process.device.type, init_scale=128.0, enabled=self.config.precision == "fp16"
        )
        self.model = DistributedDataParallel(task.model) if process.world_size > 1 else task.model
        self.utterances: list[str] = []

    def update(self, batches: Iterator[Batch], state: TrainState) -> dict[str, Tensor]:
        """Make one optimizer update; an fp16 overflow repeats it on further batches.

        Return the numbers to report. An update whose loss or gradient is not finite changes nothing
        and returns 1 as "skipped".

        Args:
            batches: of this process
            state: whose updates and micro-batches are counted

        Raises:
            InputError: if gradients overflow fp16 at any loss scale.
        """
        self.utterances = []
        self.task.before_update(state.update)
        while True:
            self._set_learning_rate(state.update)
            stats = self._backward(batches, state)
            self.scaler.unscale_(self.optimizer)
            stats["grad_norm"] = self._clip()
            stats["skipped"] = self._not_finite(stats)
            if self.optimizer_config.eps_form == "reference":
                set_reference_eps(self.optimizer, self.optimizer_config, state.update + 1)
            scale = self.scaler.get_scale()
            self.scaler.step(self.optimizer)
            self.scaler.update()
            self.optimizer.zero_grad(set_to_none=True)
            if self.scaler.get_scale() >= scale:
                state.update += 1
                return stats
            if self.scaler.get_scale() < SMALLEST_LOSS_SCALE:
                raise InputError(
                    f"{self.saver.experiment.folder}: gradients overflow fp16 at update"
                    f" {state.update} at any loss scale, with {listed(self.utterances)};"
                    f" {self.saver.advice()}"
                )

    def autocast(self) -> torch.autocast:
        """Compute in `training.precision` within a block."""
        return autocast(self.process.device, self.config.precision)

    def _set_learning_rate(self, update: int) -> None:
        config, updates = self.optimizer_config, self.config.updates
        set_learning_rate(
            self.optimizer, config, lambda peak: learning_rate(update, peak, config, updates)
        )

    def _not_finite(self, stats: dict[str, Tensor]) -> Tensor:
        """Let the optimizer skip a step from numbers that are not finite; return 1 if it does.

        In fp16 the loss scaler skips steps and repeats them.
        """
        finite = stats["grad_norm"].isfinite() & stats["loss"].isfinite()
        if self.scaler.is_enabled():
            return torch.zeros_like(stats["loss"])
        skipped = largest(1 - finite.float())
        skip_next_step(self.optimizer, skipped)
        return skipped

    def _backward(self, batches: Iterator[Batch], state: TrainState) -> dict[str, Tensor]:
        """Accumulate the gradient of one update; return the mean of the reported numbers."""
        total: dict[str, Tensor] = {}
        for micro in range(self.config.accumulation):
            batch = next(batches).to(self.process.device)
            self.utterances += batch.utterances
            last = micro == self.config.accumulation - 1
            seed = self.config.seed + state.update + micro * self.config.updates
            for key, value in self._forward_backward(batch, seed, last).items():
                part = value.detach().float() / self.config.accumulation
                total[key] = total[key] + part if key in total else part
            state.batches += 1
        return total

    def _forward_backward(self, batch: Batch, seed: int, last: bool) -> dict[str, Tensor]:
        """Add the gradient of a micro-batch; return its loss and the task's numbers."""
        torch.manual_seed(seed)  # dropped paths and noise depend on the update alone
        with self._gradient_exchange(last), self.autocast(), self.recomputing():
            loss, stats = self.task.loss(self.model, batch, seed)
            self.scaler.scale(loss / self.config.accumulation).backward()
        return stats | {"loss": loss}

    def _gradient_exchange(self, last: bool) -> contextlib.AbstractContextManager[None]:
        """Exchange gradients between processes once per update, after the last micro-batch."""
        if isinstance(self.model, DistributedDataParallel) and not last:
            return self.model.no_sync()
        return contextlib.nullcontext()

    def _clip(self) -> Tensor:
        limit = self.optimizer_config.clip_norm or math.inf
        return nn.utils.clip_grad_norm_(self.parameters, limit, foreach=True)
