"""Options of `asda tag`, `asda embed` and what they share (no torch import)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from asda.configuration import MOST_THREADS
from asda.files import InputError

TOP = 5  # labels of a clip if nothing else is asked for
BY_SUFFIX = {".jsonl": "jsonl", ".csv": "csv", ".txt": "audacity"}


@dataclass(frozen=True)
class ApplyOptions:
    """Options of all commands that apply a model.

    Args:
        model: path or name of the model
        inputs: files, folders, data directories, or "-" for standard input
        out: file or folder to write; None = standard output
        device: "auto", "cpu", "cuda"
        precision: "float32", "bf16" or "fp16"
        batch_size: windows per batch; None = chosen for the device
        threads: CPU threads; 0 = all cores
    """

    model: str
    inputs: Sequence[str]
    out: str | None
    device: str
    precision: str
    batch_size: int | None
    threads: int

    def __post_init__(self) -> None:
        if self.batch_size is not None and self.batch_size < 1:
            raise InputError(f"--batch-size must be at least 1, not {self.batch_size}")
        if not 0 <= self.threads <= MOST_THREADS:
            raise InputError(f"--threads must be from 0 to {MOST_THREADS}, not {self.threads}")


@dataclass(frozen=True)
class WindowedOptions(ApplyOptions):
    """Options of commands with results for windows.

    Args:
        window: seconds of a window; None = whole clips
        hop: seconds from the start of a window to that of the next; None = half a window
    """

    window: float | None
    hop: float | None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hop is not None and self.window is None:
            raise InputError("--hop has no effect without --window")

    @property
    def step(self) -> float | None:
        """Seconds from the start of a window to that of the next."""
        half = None if self.window is None else self.window / 2
        return half if self.hop is None else self.hop


@dataclass(frozen=True)
class TagOptions(WindowedOptions):
    """Options of `asda tag`.

    Args:
        also: paths or names of further models
        format: name of the format; None = that of the suffix of `out` or, without `out`, a table on
            a terminal and JSON Lines elsewhere
        top: largest number of labels of a clip or window; 0 = all; None = `TOP`, or all if there is
            a threshold
        threshold: smallest score at which a label is given, or name of a file with one for each
            label; None = none
    """

    also: Sequence[str]
    format: str | None
    top: int | None
    threshold: str | None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.top is not None and self.top < 0:
            raise InputError(f"--top must be at least 0 (all labels), not {self.top}")
        if self.top is not None and self.merged:
            raise InputError("--top has no effect on segments: --threshold chooses their labels")

    @property
    def merged(self) -> bool:
        """Whether windows become segments."""
        return self.window is not None and self.threshold is not None

    @property
    def most(self) -> int | None:
        """Largest number of labels of a clip or window, None = all."""
        if self.top is None:
            return None if self.threshold is not None else TOP
        return self.top or None

    def format_name(self, on_terminal: bool) -> str:
        """Return the format, chosen by the output if it is not given.

        Raises:
            InputError: if the output does not tell it.
        """
        folders = "audacity or raven for a folder of label files"
        return format_name(self.format, self.out, on_terminal, BY_SUFFIX, folders)


def format_name(
    name: str | None, out: str | None, on_terminal: bool, by_suffix: Mapping[str, str], others: str
) -> str:
    """Return the name of a format.

    Args:
        name: the format that was given; None = none
        out: what to write, None = standard output: a table on a terminal, JSON Lines elsewhere
        on_terminal: whether standard output is a terminal
        by_suffix: suffix of a file -> name of its format
        others: the formats that no suffix tells, for the message

    Raises:
        InputError: if the output does not tell it.
    """
    if name:
        if out and name == "table":
            raise InputError("a table is for the terminal; give another --format with --out")
        return name
    if not out:
        return "table" if on_terminal else "jsonl"
    suffix = Path(out).suffix
    if suffix not in by_suffix:
        raise InputError(
            f"{out}: add --format {others}, or name the file"
            f" {', '.join(f'*{one}' for one in by_suffix)}"
        )
    return by_suffix[suffix]


@dataclass(frozen=True)
class EmbedOptions(WindowedOptions):
    """Options of `asda embed`.

    Args:
        pooling: "cls", "mean" or "statistics"; None = as the classifier does, or the mean
        layers: as on the command line: a number, numbers, or numbers with weights
        frames: whether to write frame embeddings
    """

    pooling: Literal["cls", "mean", "statistics"] | None
    layers: str
    frames: bool

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, value in (("--window", self.window), ("--pooling", self.pooling)):
            if self.frames and value is not None:
                raise InputError(f"{name} has no effect on frame embeddings; leave out one of them")

    @property
    def layer_choice(self) -> int | list[int] | dict[int, float]:
        """The layers as the models take them.

        Raises:
            InputError: if they are written in another way.
        """
        words = self.layers.split(",")
        try:
            if ":" in self.layers:
                pairs = [word.split(":") for word in words]
                return {int(layer): float(weight) for layer, weight in pairs}
            numbers = [int(word) for word in words]
        except ValueError:
            raise InputError(
                f"--layers {self.layers}: give a number (-1 = the last layer), several as 0,6,12,"
                " or weights as 6:0.5,12:0.5"
            ) from None
        return numbers[0] if len(numbers) == 1 else numbers
