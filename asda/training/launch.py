"""How a run is launched: its number of processes and, with it, the size of an update."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from asda.checkpoint.schema import restore
from asda.configuration import read_yaml
from asda.files import InputError, atomic_write
from asda.training.run_config import RunConfig

NAME = "launch.yaml"
# How an update's clips are divided.
SPLIT_KEYS = {"data.batch_size", "data.batch_frames", "training.accumulation"}


@dataclass
class Launch:
    """The launch of a run; kept in its folder.

    Args:
        processes: number of processes
        update_size: clips, or with data.batch_frames frames, over all processes and micro-batches
    """

    processes: int
    update_size: int

    @classmethod
    def of(cls, config: RunConfig, processes: int) -> Launch:
        return cls(processes, processes * config.data.batch_measure * config.training.accumulation)

    @classmethod
    def read(cls, folder: Path) -> Launch | None:
        """Return the launch of the run in a folder; None if it is not recorded there."""
        path = folder / NAME
        if not path.exists():
            return None
        values = read_yaml(path)
        if "clips_per_update" in values:  # its name in earlier versions of asda
            values["update_size"] = values["clips_per_update"]
        return restore(cls, values, path)

    def write(self, folder: Path) -> None:
        with atomic_write(folder / NAME) as stream:
            yaml.safe_dump(vars(self), stream, sort_keys=False)

    def check(self, before: Launch, folder: Path, unit: str) -> str | None:
        """Return a note on another number of processes than before; None if it is the same.

        Args:
            before: the launch of the run so far
            folder: of the run
            unit: what the size of an update counts

        Raises:
            InputError: if updates would have another size.
        """
        if before.processes == self.processes:
            return None
        change = (
            f"{before.processes} processes, {before.update_size} {unit} per update ->"
            f" {self.processes}, {self.update_size}"
        )
        if before.update_size != self.update_size:
            raise InputError(
                f"{folder} holds a run with another number of processes ({change}): launch it as"
                f" {folder}/run.sh does, or keep the {unit} per update with training.accumulation"
            )
        return f"another number of processes ({change}): the order of clips differs from here on"

    @property
    def command(self) -> str:
        """The beginning of a command line that launches as many processes on one machine."""
        if self.processes == 1:
            return "asda"
        return f"torchrun --standalone --nproc_per_node {self.processes} -m asda"
