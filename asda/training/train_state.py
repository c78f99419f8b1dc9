"""What a checkpoint records of a run in addition to the tensors of model and optimizer."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from asda.checkpoint.schema import restore
from asda.distributed import gather, mean, place
from asda.training.history import History


@dataclass
class TrainState:
    """How far a run has come.

    Attributes:
        update: completed updates, including skipped ones
        batches: micro-batches that were read by each process
        history: reported rows of numbers
        snapshots: update -> score of the models that are kept
        best: best score so far
        since_best: evaluations since then
        evaluated: update of the last evaluation
        skipped: updates that were skipped because loss or gradient was not finite
        skipped_in_a_row: how many of these were the last ones
        batch_measure: clips, or with data.batch_frames frames, of a full micro-batch, over all
            processes (0 = not recorded)
    """

    update: int = 0
    batches: int = 0
    history: History = field(default_factory=list)
    snapshots: dict[int, float] = field(default_factory=dict)
    best: float | None = None
    since_best: int = 0
    evaluated: int = 0
    skipped: int = 0
    skipped_in_a_row: int = 0
    batch_measure: int = 0

    @classmethod
    def restored(cls, values: dict[str, Any], path: Path) -> TrainState:
        """Return the state in a checkpoint, also of an earlier version of asda.

        Raises:
            InputError: naming the fields that are missing or of another type.
        """
        added = {"evaluated": values.get("update"), "skipped": 0}
        added |= {"skipped_in_a_row": 0, "batch_measure": values.get("batch_size", 0)}
        return restore(cls, added | values, path)

    def divide(self, batch_measure: int) -> None:
        """Continue with micro-batches of another size at the same place in the training clips.

        Args:
            batch_measure: clips or frames of a full micro-batch, over all processes
        """
        if self.batch_measure:
            self.batches = self.batches * self.batch_measure // batch_measure
        self.batch_measure = batch_measure


@dataclass
class Interval:
    """Means over the updates since the last report.

    Sums stay on the device, so that updates need not wait for it, and each process keeps those of
    its own clips.
    """

    sums: dict[str, Tensor] = field(default_factory=dict)
    count: int = 0

    def add(self, stats: dict[str, Tensor], skipped: Tensor) -> None:
        """Add the numbers of an update.

        Args:
            stats: 0-d tensors
            skipped: 0-d; 1 = the update was skipped, and its numbers do not count
        """
        for key, value in stats.items():
            counted = torch.where(skipped > 0, 0.0, value)
            self.sums[key] = self.sums[key] + counted if key in self.sums else counted
        self.sums["skipped"] = self.sums.get("skipped", 0) + skipped
        self.count += 1

    def content(self) -> dict[str, Any]:
        """Return what a checkpoint holds: the sums of each process; all must call this."""
        parts = gather({key: value.cpu() for key, value in self.sums.items()})
        if len(parts) == 1:
            return {"sums": parts[0], "count": self.count}
        sums = {key: torch.stack([part[key] for part in parts]) for key in self.sums}
        return {"sums": sums, "count": self.count}

    @classmethod
    def restored(cls, values: dict[str, Any], path: Path) -> Interval:
        """Return the sums of this process; their means, if there were other numbers of processes.

        Raises:
            InputError: naming the fields that are missing or of another type.
        """
        found = restore(cls, values, path)
        rank, processes = place()
        for key, value in found.sums.items():
            if value.ndim:
                found.sums[key] = value[rank] if len(value) == processes else value.mean()
        return found

    def close(self) -> dict[str, float]:
        """Return the means over updates and processes, and start anew.

        "skipped" is a count, and given only where it is not 0.
        """
        skipped = float(self.sums.pop("skipped", 0.0))
        used = self.count - skipped
        means = {key: float(v) / used if used else math.nan for key, v in self.sums.items()}
        self.sums, self.count = {}, 0
        return mean(means | ({"skipped": skipped} if skipped else {}))
