"""Progress of a run: bar on the terminal, lines in the log, TensorBoard, curves as images."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path

from tqdm import tqdm

log = logging.getLogger(__name__)

History = list[dict[str, float]]


class Progress:
    """Reports rows of numbers during a run.

    Args:
        folder: experiment folder, where images/ and tensorboard/ are created
        updates: number of updates of the whole run
        history: rows of the run so far, {"update": n, "train/loss": ...}; new rows are appended
    """

    def __init__(self, folder: Path, updates: int, history: History):
        from torch.utils.tensorboard import SummaryWriter

        self.folder = folder
        self.updates = updates
        self.history = history
        start = int(history[-1]["update"]) if history else 0
        self.bar = tqdm(
            total=updates, initial=start, unit="update", disable=not sys.stderr.isatty()
        )
        self.writer = SummaryWriter(str(folder / "tensorboard"), purge_step=start + 1)
        self.since = (time.monotonic(), start)

    def report(self, update: int, group: str, values: dict[str, float]) -> None:
        """Report the numbers of one interval (group "train") or one evaluation ("valid")."""
        row = {"update": float(update)} | {f"{group}/{key}": v for key, v in values.items()}
        self.history.append(row)
        for key, value in row.items():
            if key != "update":
                self.writer.add_scalar(key, value, update)
        numbers = "  ".join(f"{key} {value:.6g}" for key, value in values.items())
        log.info("%s %d/%d  %s%s", group, update, self.updates, numbers, self._pace(update))
        self.bar.set_postfix_str(numbers[:60], refresh=False)
        self.bar.update(update - self.bar.n)

    def _pace(self, update: int) -> str:
        seconds, done = time.monotonic() - self.since[0], update - self.since[1]
        if done <= 0:
            return ""
        left = (self.updates - update) * seconds / done
        return f"  {done / seconds:.2f} updates/s  {left / 60:.1f} min left"

    def draw(self) -> None:
        """Draw the curves of training and validation, one image per quantity, to images/."""
        draw_curves(self.history, self.folder / "images")

    def close(self) -> None:
        """Draw the curves a last time and close bar and TensorBoard."""
        self.draw()
        self.writer.close()
        self.bar.close()


def draw_curves(history: History, folder: Path) -> None:
    """Plot each quantity of the history against updates, to `folder`/<quantity>.png.

    The title is the name of the experiment, the parent of `folder`. The best validation result is
    marked for losses and for the metrics of classifiers. Standard deviations are drawn from 0: what
    matters is how far they are from collapse.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    folder.mkdir(parents=True, exist_ok=True)
    names = {key for row in history for key in row if key != "update"}
    for quantity in sorted({name.split("/", 1)[1] for name in names}):
        figure, axes = pyplot.subplots(figsize=(6, 4), layout="constrained")
        for group in ("train", "valid"):
            rows = [row for row in history if f"{group}/{quantity}" in row]
            values = [row[f"{group}/{quantity}"] for row in rows]
            if rows:
                axes.plot([row["update"] for row in rows], values, label=group)
        marked = max if quantity in ("accuracy", "mAP", "AUC") else min
        if group == "valid" and rows and (marked is max or quantity.endswith("loss")):
            best = values.index(marked(values))
            update, label = rows[best]["update"], f"best: {values[best]:.4g}"
            axes.plot(update, values[best], "o", color="C3", label=f"{label} at {update:.0f}")
        axes.set(xlabel="update", ylabel=quantity.replace("_", " "), title=folder.parent.name)
        if quantity.endswith("_std"):
            axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
        axes.legend()
        figure.savefig(folder / f"{quantity}.png", dpi=120)
        pyplot.close(figure)
