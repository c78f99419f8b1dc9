"""Progress of a run: bar on the terminal, lines in the log, TensorBoard, curves as images."""

from __future__ import annotations

import logging
import shutil
import sys
import time
from pathlib import Path

from tqdm import tqdm

from asda.terminal_bar import Bar
from asda.training.history import GROUPS, History, best_point, curve, quantities

log = logging.getLogger(__name__)

FIRST_SHOWN = ("loss", "accuracy", "mAP")  # in a terminal, where a long line is cut


class Progress:
    """Reports rows of numbers during a run.

    Args:
        folder: experiment folder, where images/ and tensorboard/ are created
        updates: number of updates of the whole run
        history: rows of the run so far, {"update": n, "train/loss": ...}; new rows are appended
        start: completed updates
    """

    def __init__(self, folder: Path, updates: int, history: History, start: int = 0):
        from torch.utils.tensorboard import SummaryWriter

        self.folder = folder
        self.updates = updates
        self.history = history
        self.bar = RunBar(total=updates, initial=start)
        reported = int(history[-1]["update"]) if history else 0
        self.writer = SummaryWriter(str(folder / "tensorboard"), purge_step=reported + 1)
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
        if group == "valid":
            self.bar.print_row(f"valid {update}/{self.updates}", values)
        elif "loss" in values:
            self.bar.set_description_str(f"loss {values['loss']:.3g}", refresh=False)

    def advance(self, update: int) -> None:
        """Move the bar."""
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

    def complete(self) -> None:
        """Draw the curves a last time and leave the full bar on the terminal."""
        self.draw()
        self.bar.leave = True
        self.bar.close()

    def close(self) -> None:
        """Close TensorBoard, and remove the bar of a run that did not end."""
        self.writer.close()
        self.bar.close()


class RunBar(Bar):
    """The bar of a run, with rows above it."""

    def print_row(self, title: str, values: dict[str, float]) -> None:
        """Print numbers on a line above the bar that stays, cut to the width of the terminal."""
        if self.disable:
            return
        names = [name for name in FIRST_SHOWN if name in values]
        names += [name for name in values if name not in names]
        line = "  ".join([title, *(f"{name} {values[name]:.4g}" for name in names)])
        columns = shutil.get_terminal_size().columns
        self.write(line[: columns - 1], file=sys.stderr)


class TerminalHandler(logging.Handler):
    """Prints log records above the bar; rows of numbers are left to the bar itself."""

    def __init__(self) -> None:
        super().__init__()
        self.addFilter(lambda record: record.name != log.name)
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        level = "" if record.levelno <= logging.INFO else f"{record.levelname}: "
        tqdm.write(f"{level}{self.format(record)}", file=sys.stderr)


def draw_curves(history: History, folder: Path) -> None:
    """Plot each quantity of the history against updates, to `folder`/<quantity>.png.

    The title is the name of the experiment, the parent of `folder`. The best validation result is
    marked for losses and for the metrics of classifiers. Standard deviations are drawn from 0: what
    matters is how far they are from collapse.
    """
    from asda.canvas import new_figure, write_figure  # slow: it imports matplotlib

    for quantity in quantities(history):
        figure = new_figure(6, 4)
        axes = figure.subplots()
        for group in GROUPS:
            updates, values = curve(history, group, quantity)
            if updates:
                axes.plot(updates, values, label=group)
        if best := best_point(history, quantity):
            label = f"best: {best[1]:.4g} at {best[0]:.0f}"
            axes.plot(*best, "o", color="C3", label=label)
        axes.set(xlabel="update", ylabel=quantity.replace("_", " "), title=folder.parent.name)
        if quantity.endswith("_std"):
            axes.set_ylim(0, 1.1 * axes.get_ylim()[1])
        axes.grid(alpha=0.3)
        axes.legend()
        write_figure(figure, folder / f"{quantity}.png", dpi=120)
