#!/usr/bin/env python3
"""Plot the results of ablation.sh to EXP/noise.png: accuracy against noise, one line per arm."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from asda.canvas import new_figure, write_figure
from asda.scoring.compare import measured
from asda.script import run_main

KINDS = ("white", "babble")
LEVELS = (20, 10, 0)  # dB
MARKERS = "osD^v<>ph*X"


def mean_accuracy(runs: list[Path], arm: str, test_set: str) -> float:
    """Return the mean accuracy over runs in %."""
    folders = [run / f"finetune_{arm}" / f"score_{test_set}" for run in runs]
    return 100 * float(np.mean([measured(folder, "accuracy")["value"] for folder in folders]))


def draw(runs: list[Path], arms: list[str], path: Path) -> None:
    """Write the figure: one panel per kind of noise; the first arm is drawn in black."""
    figure = new_figure(11, 5)
    panels = figure.subplots(1, len(KINDS), sharey=True)
    ticks = ["clean", *(f"{level} dB" for level in LEVELS)]
    for kind, axes in zip(KINDS, panels, strict=True):
        sets = ["unseen_fold1_test", *(f"noisy_{kind}_{level}" for level in LEVELS)]
        for index, arm in enumerate(arms):
            values = [mean_accuracy(runs, arm, test_set) for test_set in sets]
            style = {"color": "black", "linewidth": 2.5, "zorder": 3} if index == 0 else {}
            marker = MARKERS[index % len(MARKERS)]
            axes.plot(ticks, values, marker=marker, label=arm, **style)
        axes.set(title=f"{kind} noise" if kind == "white" else kind, xlabel="signal-to-noise ratio")
        axes.grid(alpha=0.3)
    panels[0].set_ylabel(f"accuracy in %, mean of {len(runs)} runs")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right center")
    write_figure(figure, path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("exp", type=Path)
    parser.add_argument("--arms", nargs="+", required=True)
    parser.add_argument("--runs", nargs="+", required=True, help="folders in EXP, one per seed")
    arguments = parser.parse_args()
    path = arguments.exp / "noise.png"
    draw([arguments.exp / name for name in arguments.runs], arguments.arms, path)
    print(f"{path}: written")


if __name__ == "__main__":
    run_main(main)
