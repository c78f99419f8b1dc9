#!/usr/bin/env python3
"""Draw quantities of a train.log side by side, as in docs/reading_the_log.md.

Usage: docs/figures/plot_run.py EXPERIMENT OUT.png
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

QUANTITIES = ("frame_loss", "cls_loss", "prediction_std", "target_std")
LINE = re.compile(r"INFO (train|valid) (\d+)/\d+  (.*)")


def read_log(path: Path) -> dict[tuple[str, str], list[tuple[int, float]]]:
    """Return (group, quantity) -> [(update, value), ...] of the lines of a train.log."""
    curves: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for match in LINE.finditer(path.read_text(encoding="utf-8")):
        group, update, numbers = match.groups()
        for quantity, value in re.findall(r"(\w+) (\S+)", numbers):
            if quantity in QUANTITIES:
                curves.setdefault((group, quantity), []).append((int(update), float(value)))
    return curves


def draw(experiment: Path, image: Path) -> None:
    """Write one panel per quantity, all on fixed scales, so that runs can be compared."""
    curves = read_log(experiment / "train.log")
    figure, panels = pyplot.subplots(1, len(QUANTITIES), figsize=(11, 2.4), layout="constrained")
    for panel, quantity in zip(panels, QUANTITIES, strict=True):
        for group, style in (("train", "-"), ("valid", "o")):
            points = curves.get((group, quantity), [])
            panel.plot(*zip(*points, strict=True), style, markersize=4, label=group)
        if quantity.endswith("std"):
            panel.set(ylim=(0, 1.05))
        else:
            panel.set(yscale="log", ylim=(1e-5, 50))
        panel.set(title=quantity, xlabel="update")
        panel.grid(alpha=0.3)
    panels[0].legend()
    figure.savefig(image, dpi=80)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
