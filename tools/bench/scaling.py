#!/usr/bin/env python3
"""Time and peak memory of a pretraining step against clip length, batch, masks and model size.

Usage: tools/bench/scaling.py [--out scaling.png] [--seconds 2.5 5 10 20 40] [--sizes tiny small]

A step is forward, backward, AdamW and the teacher's update, in float32 on random features. One
quantity varies at a time, starting from --size, 10 s and 2 clips with 4 masks; other model sizes
use one clip. Each point is measured in a process of its own: the shortest time of some steps after
one to warm up, and the peak memory beyond that of the imported libraries. The expected time is the
number of multiply-adds, forward and twice backward, at one rate per column. The expected memory is
weights, gradients, AdamW's two moments and the teacher, plus a number of bytes per visible token,
block and channel and a constant, both fitted to all points. Slopes are fitted to the logarithms of
a column.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import resource
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from arguments import MODEL_SIZES
from model_steps import masks
from multiply_adds import of_pretraining

from asda.canvas import new_figure, write_figure
from asda.commands.number_types import positive
from asda.kernels.allocator import keep_freed_memory
from asda.kernels.recompute import recompute_outputs, recomputing
from asda.model.model_config import ModelConfig, patch_grid
from asda.model.pretrainer import Pretrainer
from asda.training.optimizer import make_optimizer
from asda.training.run_config import OptimizerConfig

WARM_UP = 1
TICKS = [step * 10.0**power for power in range(-2, 6) for step in (1, 2, 5)]
LEAST_SECONDS = 0.5  # total time of the timed steps, which are at least two


@dataclass
class Case:
    """One training step: model size, seconds per clip, clips, masks per clip."""

    size: str
    seconds: float
    batch: int
    num_masks: int

    @property
    def config(self) -> ModelConfig:
        return ModelConfig(size=self.size, num_masks=self.num_masks).resolved()

    @property
    def frames(self) -> int:
        return round(100 * self.seconds)


@dataclass
class Point:
    """What a case took, and what it should need.

    Args:
        trained: number of trained weights
        seconds: time of a step
        memory: peak memory in bytes
        products: multiply-adds of a step
        state: bytes of weights, gradients, moments and teacher
        values: visible tokens x blocks x width
        name, x: quantity that varies and its value; for model sizes, million trained weights
    """

    trained: int
    seconds: float
    memory: float
    products: float
    state: float
    values: float
    name: str = ""
    x: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, help="write the plot to this PNG file")
    parser.add_argument(
        "--size", choices=MODEL_SIZES, default="tiny", help="model size for the other quantities"
    )
    parser.add_argument("--seconds", type=float, nargs="+", default=[2.5, 5, 10, 20, 40])
    parser.add_argument("--batch", type=positive, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--num-masks", type=positive, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument(
        "--sizes", choices=MODEL_SIZES, nargs="+", default=["tiny", "small", "base"]
    )
    arguments = parser.parse_args()
    middle = Case(arguments.size, 10.0, 2, 4)
    columns = {
        "clip length (s)": ("seconds", [replace(middle, seconds=s) for s in arguments.seconds]),
        "clips in a batch": ("batch", [replace(middle, batch=b) for b in arguments.batch]),
        "masks of a clip": (
            "num_masks",
            [replace(middle, num_masks=c) for c in arguments.num_masks],
        ),
        "weights (million)": ("size", [replace(middle, size=s, batch=1) for s in arguments.sizes]),
    }
    print(f"a pretraining step, {middle}; {os.cpu_count()} cores")
    print(f"{'':<28}{'s':>8}{'GFLOP/s':>9}{'MB':>7}{'state MB':>10}")
    measured = {title: measure_column(title, *column) for title, column in columns.items()}
    of_value, constant = fit_memory([point for points in measured.values() for point in points])
    print(f"memory: {constant / 1e6:.0f} MB, and {of_value:.0f} bytes a token, block and channel")
    counted = {title: expected(points, of_value, constant) for title, points in measured.items()}
    print(f"{'slope':<20}{'of time':>16}{'expected':>10}{'of memory':>16}{'expected':>10}")
    for title, points in measured.items():
        show_slopes(title, points, counted[title])
    if arguments.out:
        plot(measured, counted, middle, arguments.out)


def measure_column(title: str, varied: str, cases: list[Case]) -> list[Point]:
    """Measure each case in a process of its own, forked after torch is imported."""
    points = []
    with multiprocessing.get_context("fork").Pool(1, maxtasksperchild=1) as pool:
        for case, point in zip(cases, pool.imap(measure, cases), strict=True):
            value = getattr(case, varied)
            point.name = value if varied == "size" else f"{value:g}"
            point.x = point.trained / 1e6 if varied == "size" else value
            show(title, point)
            points.append(point)
    return points


def measure(case: Case) -> Point:
    keep_freed_memory()
    before = peak_memory()
    config = case.config
    torch.manual_seed(0)
    model = Pretrainer(config)
    recompute_outputs(model)
    optimizer = make_optimizer(model, OptimizerConfig())
    fbank = torch.randn(case.batch, case.frames, config.mel_bins)
    patches = math.prod(patch_grid(config, case.frames))
    visible = masks(config, case.batch, case.frames)
    times: list[float] = []
    while len(times) < WARM_UP + 2 or sum(times[WARM_UP:]) < LEAST_SECONDS:
        start = time.perf_counter()
        with recomputing():
            model(fbank, visible).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        model.update_teacher(0.999)
        times.append(time.perf_counter() - start)
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    teacher = sum(p.numel() for p in model.teacher.parameters())
    tokens = case.batch * case.num_masks * (visible.shape[2] + 1)
    return Point(
        trained,
        min(times[WARM_UP:]),
        peak_memory() - before,
        of_pretraining(config, patches, visible.shape[2], case.batch),
        4 * (4 * trained + teacher),
        tokens * config.width * config.depth,
    )


def peak_memory() -> float:
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def fit_memory(points: list[Point]) -> tuple[float, float]:
    """Fit bytes per token, block and channel, and a constant: least squares of relative errors."""
    memory, state, values = (
        np.array([getattr(point, name) for point in points])
        for name in ("memory", "state", "values")
    )
    unknown = np.stack([values / memory, 1 / memory], axis=1)
    return tuple(np.linalg.lstsq(unknown, 1 - state / memory)[0])


def expected(points: list[Point], of_value: float, constant: float) -> list[np.ndarray]:
    """Return the expected seconds and peak bytes for the points of one column."""
    seconds, products, state, values = (
        np.array([getattr(point, name) for point in points])
        for name in ("seconds", "products", "state", "values")
    )
    pace = np.exp(np.mean(np.log(seconds / products)))
    return [pace * products, constant + state + of_value * values]


def show(title: str, point: Point) -> None:
    print(
        f"{title:<20}{point.name:<8}{point.seconds:>8.3f}"
        f"{2e-9 * point.products / point.seconds:>9.0f}{point.memory / 1e6:>7.0f}"
        f"{point.state / 1e6:>10.0f}",
        flush=True,
    )


def show_slopes(title: str, points: list[Point], counted: list[np.ndarray]) -> None:
    x, *found = curves(points)
    print(
        f"{title:<20}"
        + "".join(
            f"{slope(x, values):>16.2f}{slope(x, count):>10.2f}"
            for values, count in zip(found, counted, strict=True)
        )
    )


def curves(points: list[Point]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return x, seconds and peak bytes."""
    return tuple(np.array([(p.x, p.seconds, p.memory) for p in points]).T)


def slope(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def plot(
    measured: dict[str, list[Point]],
    expected: dict[str, list[np.ndarray]],
    middle: Case,
    path: Path,
) -> None:
    """Write the plot: time above memory, one column per quantity."""
    figure = new_figure(14, 6.5)
    axes = figure.subplots(2, len(measured), sharex="col", sharey="row")
    for column, (title, points) in zip(axes.T, measured.items(), strict=True):
        x, *found = curves(points)
        for axis, values, count, unit in zip(column, found, expected[title], (1, 1e6), strict=True):
            axis.loglog(x, values / unit, "o", color="tab:blue", label="measured")
            axis.loglog(x, count / unit, color="tab:orange", label="expected")
            axis.set_title(
                f"slope {slope(x, values):.2f}, expected {slope(x, count):.2f}", fontsize=10
            )
            axis.set_xticks(x, [f"{value:.3g}" for value in x])
            axis.minorticks_off()
            axis.grid(alpha=0.3)
        column[-1].set_xlabel(title)
    for axis in axes[:, 0]:
        low, high = axis.get_ylim()
        ticks = [tick for tick in TICKS if low <= tick <= high]
        axis.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.minorticks_off()
    axes[0, 0].set_ylabel("time of a step (s)")
    axes[1, 0].set_ylabel("peak memory (MB)")
    axes[0, 0].legend()
    figure.suptitle(
        f"A pretraining step: {middle.size}, {middle.batch} clips of {middle.seconds:g} s, "
        f"{middle.num_masks} masks, unless varied; one clip where the size varies"
    )
    write_figure(figure, path, dpi=80)


if __name__ == "__main__":
    main()
