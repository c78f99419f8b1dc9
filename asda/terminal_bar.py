"""One short line of progress on the terminal."""

from __future__ import annotations

import os
import sys
from typing import Any

from tqdm import tqdm

from asda.files import readable_duration

LINE = "{done}/{total} {percentage:.0f} % {pace}{desc}"


class Bar(tqdm):
    """One short line on the terminal: `200/300 67 % 5.1/s 19 s loss 16.5`."""

    def __init__(self, **options: Any):
        width = os.environ.get("COLUMNS", "")
        super().__init__(
            **options,
            bar_format=LINE,
            smoothing=0.05,  # with less smoothing, an evaluation makes the remaining time jump
            ncols=int(width) if width.isdigit() else None,
            dynamic_ncols=not width.isdigit(),
            leave=False,
            disable=not sys.stderr.isatty(),
        )

    @property
    def format_dict(self) -> dict[str, Any]:
        """The quantities of the line."""
        values = dict(super().format_dict)
        done, seconds = values["n"] - values["initial"], values["elapsed"]
        rate = values["rate"] or (done / seconds if seconds else 0)
        left = readable_duration((values["total"] - values["n"]) / rate) if rate else ""
        return values | {"done": values["n"], "pace": f"{rate:.3g}/s {left} " if rate else ""}
