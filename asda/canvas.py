"""Figures as PNG or SVG: one look, titles that are wrapped, files written whole."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from asda.files import InputError, atomic_write

SUFFIXES = (".png", ".svg")
DPI = 110
# Characters per inch of a title of 10 points; those of a proportional font differ in width, and
# this leaves room for wide ones.
TITLE_CHARACTERS = 13
# Perceptually uniform colour maps whose lightness rises throughout, so that figures can be read in
# greyscale and by colour-blind readers.
SOUND, WEIGHT = "magma", "viridis"
# Line colours of different lightness, and as many line styles and markers: none is told by its
# colour alone.
COLOURS = ("#000000", "#b8520a", "#1b6ca8", "#7a9a01", "#8e4585", "#6b6b6b")
STYLES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (1, 3)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">")


def new_figure(width: float, height: float, title: str = "") -> Figure:
    """Return an empty figure with a wrapped title; it belongs to no window, whatever the backend.

    Args:
        width: width in inches
        height: height in inches
        title: title of the whole figure, whose line breaks are kept ("" = none)
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    if title:
        figure.suptitle(wrapped(title, int(width * TITLE_CHARACTERS)), fontsize=10)
    return figure


def wrapped(text: str, width: int) -> str:
    """Return a text with lines of at most `width` characters, also within long file names."""
    wrapper = textwrap.TextWrapper(max(8, width), break_on_hyphens=False)
    return "\n".join("\n".join(wrapper.wrap(line)) for line in text.splitlines())


def figure_path(out: str | Path) -> Path:
    """Return the file that a figure is written to.

    Raises:
        InputError: if its suffix is not one of a format that figures are written in.
    """
    path = Path(out)
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"{path}: figures are written as PNG or SVG; end the name of --out in .png or .svg"
        )
    return path


def write_figure(figure: Figure, path: str | Path, dpi: int = DPI) -> None:
    """Write a figure in the format of the file's suffix, whole or not at all.

    The same figure gives the same bytes: an SVG carries neither a date nor random identifiers.

    Args:
        figure: a figure of `new_figure`
        path: the file
        dpi: pixels per inch
    """
    kind = Path(path).suffix.lower()[1:]
    metadata = {"Date": None} if kind == "svg" else None
    with atomic_write(path, "wb") as stream, rc_context({"svg.hashsalt": "asda"}):
        figure.savefig(stream, format=kind, dpi=dpi, metadata=metadata)
