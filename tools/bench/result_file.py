"""Results of a benchmark as JSON, written row by row: a run that is cut off keeps them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import torch

from asda.files import atomic_write
from asda.provenance import environment


class ResultFile:
    """Rows of a table in a file; those that an earlier run has measured are kept, errors are not.

    Args:
        path: of the file; None = rows are only printed
        title: of the table
        device: "cpu" or "cuda"
    """

    def __init__(self, path: Path | None, title: str, device: str):
        self.path, self.complete = path, False
        self.content: dict[str, Any] = {"title": title, "about": machine(device), "rows": []}
        if path and path.exists():
            rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
            self.content["rows"] = [row for row in rows if "error" not in row]

    def find(self, **key: Any) -> dict[str, Any] | None:
        """Return the first row with these values, None if there is none."""
        rows = self.content["rows"]
        return next((row for row in rows if key.items() <= row.items()), None)

    def add(self, **row: Any) -> None:
        """Add a row, and write the file."""
        self.content["rows"].append(row)
        self._write()

    def finish(self) -> None:
        """Mark the table as complete, so that a later run need not begin."""
        self.complete = True
        self._write()

    def _write(self) -> None:
        if self.path:
            with atomic_write(self.path) as stream:
                json.dump(self.content | {"complete": self.complete}, stream, indent=1)


def machine(device: str) -> dict[str, Any]:
    """Return what a result was measured on: versions, and the processor or the card."""
    facts: dict[str, Any] = {**environment(), "cores": os.cpu_count()}
    if device == "cuda":
        card = torch.cuda.get_device_properties(0)
        facts |= {"card": card.name, "memory GiB": round(card.total_memory / 2**30, 1)}
        facts |= {"CUDA": torch.version.cuda, "driver": _driver()}
    return facts


def _driver() -> str | None:
    """Return the version of the driver, None if its program is not there to ask."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    command = [program, "--query-gpu=driver_version", "--format=csv,noheader"]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.splitlines()[0] if done.stdout else None
