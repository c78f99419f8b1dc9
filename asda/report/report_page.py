"""Write one HTML page about an experiment that needs no other file and no network."""

from __future__ import annotations

import base64
import hashlib
import itertools
import os
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from asda import __version__
from asda.features.fbank_config import FbankConfig
from asda.figures.projection import Method, require_method
from asda.files import InputError, atomic_write
from asda.inference.audio_model import AudioModel
from asda.inference.loading import load
from asda.report.clip_media import BUDGET, ClipMedia
from asda.report.curve_charts import CurveChart, curve_charts
from asda.report.embedding_map import COLOURS, SHAPES, EmbeddingMap, embedding_map
from asda.report.listed_clips import ListedClips
from asda.report.recorded_run import RecordedRun, read_run
from asda.report.set_results import SetResults, read_set_results, score_folders
from asda.training.experiment import MODEL

LARGEST = 19_000_000  # bytes of a page; players are left out before it gets larger
TEMPLATES = "templates"


def write_report(
    folder: Path, out: Path | None = None, projection: Method | None = "pca", device: str = "auto"
) -> str:
    """Write the page about an experiment folder.

    Args:
        folder: what a training or `asda score` wrote
        out: the page; None = report.html in the folder
        projection: method for the map of embeddings; None = no map
        device: device on which embeddings are computed

    Returns:
        A line that says what was written.

    Raises:
        InputError: if the folder holds no experiment, or is damaged, or the projection
            needs a package that is not installed.
    """
    if projection:
        require_method(projection)
    listed = ListedClips()
    sets = [read_set_results(path, listed) for path in score_folders(folder)]
    runs = _runs(folder, sets)
    if not sets and not runs:
        raise InputError(
            f"{folder}: no experiment: it has neither config.yaml nor score/result.json; give a"
            " folder that a training or asda score wrote, such as exp/finetune"
        )
    model, fbank = None, FbankConfig()
    if any(found.sources for found in sets):
        model, fbank = _model(folder, device)
    maps = {}
    if model and projection:
        # Points of the map are coloured by the label, which recognised utterances lack.
        labelled = [found for found in sets if found.scored]
        found_maps = {s.name: embedding_map(s, model, projection, listed) for s in labelled}
        maps = {name: drawn for name, drawn in found_maps.items() if drawn}
    page = _page(folder, runs, sets, maps, listed, fbank)
    out = out or folder / "report.html"
    with atomic_write(out) as stream:
        stream.write(page)
    return f"{out}: {len(page.encode()) / 1e3:.0f} kB"


def _model(folder: Path, device: str) -> tuple[AudioModel | None, FbankConfig]:
    """Return the model of the experiment, if there is one that takes audio, and its features."""
    if (folder / MODEL).is_file():
        try:
            model = load(folder / MODEL, device)
            return model, model.fbank.config
        except InputError as error:
            print(f"no map of embeddings: {error}", file=sys.stderr)
    return None, FbankConfig()


def _runs(folder: Path, sets: list[SetResults]) -> dict[str, RecordedRun]:
    """Return the training of the folder, or those of the folds that were merged into it."""
    if own := read_run(folder):
        return {"": own}
    merged = [
        Path(os.path.normpath(folder / found.name / fold["folder"])).parent
        for found in sets
        for fold in found.result.get("folds", [])
    ]
    runs = {os.path.relpath(path, folder): read_run(path) for path in dict.fromkeys(merged)}
    return {name: run for name, run in runs.items() if run is not None}


def _page(
    folder: Path,
    runs: dict[str, RecordedRun],
    sets: list[SetResults],
    maps: dict[str, EmbeddingMap],
    listed: ListedClips,
    fbank: FbankConfig,
) -> str:
    curves = curve_charts({name: run.history for name, run in runs.items()})
    content = {
        "name": str(folder) if folder.name else folder.resolve().name,
        "version": __version__,
        "runs": runs,
        "sets": sets,
        "curves": curves,
        "maps": maps,
        "clips": listed.clips,
        "lists": {found.name: found.lists for found in sets},
        "sections": list(_sections(runs, sets, curves, maps)),
        "colours": COLOURS,
        "shapes": SHAPES,
        **_inlined(),
    }
    template = _template()
    silent = template.render(content, media_note="", players={}, pictures={})
    media = _media(sets, maps, listed, fbank, LARGEST - len(silent.encode()))
    return template.render(
        content,
        media_note=media.note(len(listed.clips)),
        players=media.players,
        pictures=media.spectrograms,
    )


def _template() -> Template:
    return Environment(
        loader=PackageLoader(__package__, TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template("page.html")


def _inlined() -> dict[str, str]:
    """Return style sheet and script with the digests that allow them and no others."""
    inlined: dict[str, str] = {}
    for kind, name in (("style", "report.css"), ("script", "report.js")):
        text = (files(__package__) / TEMPLATES / name).read_text(encoding="utf-8")
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        inlined |= {kind: text, f"{kind}_hash": f"sha256-{digest}"}
    return inlined


def _media(
    sets: list[SetResults],
    maps: dict[str, EmbeddingMap],
    listed: ListedClips,
    fbank: FbankConfig,
    room: int,
) -> ClipMedia:
    """Return players of the most confident errors, then of all cells in turn, then of the map."""
    media = ClipMedia(dict(listed.segments), fbank, min(room, BUDGET))
    media.add_drawn(itertools.chain.from_iterable(found.drawn for found in sets))
    turns = itertools.zip_longest(*(cell for found in sets for cell in found.lists.values()))
    media.add_players(number for turn in turns for number in turn if number is not None)
    media.add_players(point.clip for found in maps.values() for point in found.points)
    return media


def _sections(
    runs: dict[str, RecordedRun],
    sets: list[SetResults],
    curves: list[CurveChart],
    maps: dict[str, EmbeddingMap],
) -> Iterator[tuple[str, str]]:
    """Yield identifier and title of the sections, in the order of the page."""
    for found in sets:
        of_set = f" on {found.title}" if len(sets) > 1 else ""
        parts: dict[str, tuple[str, Any]] = {
            "": ("Results", True),
            **{f"-{name}": (title, True) for name, title in found.recognised.items()},
            "-errors": ("Most confident errors", found.errors),
            "-confusion": ("Confusion matrix", found.matrix),
            "-classes": ("Classes", found.classes),
            "-map": ("Embeddings", found.name in maps),
            "-calibration": ("Calibration", found.reliability),
        }
        yield from (
            (f"{found.name}{i}", f"{t}{of_set}") for i, (t, shown) in parts.items() if shown
        )
    if runs:
        yield "training", "Training"
    if curves:
        yield "curves", "Curves"
    for found in sets:
        of_set = f" on {found.title}" if len(sets) > 1 else ""
        yield f"{found.name}-origin", f"Origin of the results{of_set}"
