"""Warnings, before training, about settings that are allowed but have unexpected effects."""

from __future__ import annotations

import os

from asda.training.run_config import RunConfig


def setting_warnings(config: RunConfig, clips: int, world_size: int, device: str) -> list[str]:
    """Return the warnings about the settings of a run.

    Args:
        config: with all settings decided
        clips: number of training clips
        world_size: number of processes
        device: type of the device, such as "cpu"
    """
    found = [_warmup(config), _batch(config, clips, world_size), _evaluations(config)]
    found += [_workers(config.data.workers), _patch(config)]
    if config.training.precision == "fp16" and device == "cpu":
        found.append(
            "training.precision fp16 is meant for GPUs; on a CPU a step takes about ten times as"
            " long as in float32: use bf16, or auto, which chooses bf16 if it is faster"
        )
    return [line for line in found if line]


def _warmup(config: RunConfig) -> str | None:
    warmup, updates = config.optimizer.warmup, config.training.updates
    if warmup < updates or updates == 1:
        return None
    return (
        f"optimizer.warmup {warmup} is not shorter than training.updates {updates}: the learning"
        f" rate reaches {(updates - 1) / warmup:.0%} of optimizer.lr {config.optimizer.lr:g}"
    )


def _batch(config: RunConfig, clips: int, world_size: int) -> str | None:
    accumulation, batch_size = config.training.accumulation, config.data.batch_size
    factors = {"data.batch_size": batch_size, "training.accumulation": accumulation}
    factors["processes"] = world_size
    update = batch_size * accumulation * world_size
    if update <= clips or config.data.batch_frames:
        return None
    shown = " x ".join(f"{name} {value}" for name, value in factors.items() if value > 1)
    return (
        f"an update takes {update} clips ({shown}), more than the {clips} training clips: it uses"
        " some clips several times"
    )


def _evaluations(config: RunConfig) -> str | None:
    training = config.training
    chooses = training.final != "last" or training.patience
    if not chooses or training.evaluate_every <= training.updates:
        return None
    return (
        f"training.evaluate_every {training.evaluate_every} is more than training.updates"
        f" {training.updates}: the model is evaluated once, at the end; no model is chosen,"
        " and no run stops early"
    )


def _workers(workers: int) -> str | None:
    # A job of a cluster may use some cores of a machine only; other systems than Linux do not tell.
    limited = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if limited else os.cpu_count() or workers
    if workers <= cores:
        return None
    return (
        f"data.workers {workers} is more than the {cores} CPU cores of this process, which slows"
        " the run down; a worker per core is enough"
    )


def _patch(config: RunConfig) -> str | None:
    patch, frames = config.model.patch.time, config.data.max_frames
    if patch <= frames:
        return None
    return (
        f"model.patch.time {patch} is more than data.max_frames {frames}: each clip is one patch in"
        " time, the rest of which is filled with zeros"
    )
