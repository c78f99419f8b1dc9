"""The functions of `asda plot`: each reads a model or training runs, and writes a figure."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from asda.canvas import figure_path, write_figure
from asda.checkpoint.saved_model import WhichEncoder
from asda.corpus.datadir import DataDir
from asda.figures.attention_figure import draw_attention
from asda.figures.attention_rows import (
    attention_rows,
    chosen_heads,
    chosen_layers,
    query_tokens,
)
from asda.figures.clip_input import ClipInput, read_clip
from asda.figures.curves_figure import chosen_quantities, draw_curves_of, experiment_names
from asda.figures.embedded_clips import embed_clips
from asda.figures.masked_prediction import load_pretrainer, predict_masked
from asda.figures.masks_figure import draw_masks
from asda.figures.projection import Method, axis_names, project, require_method
from asda.figures.projection_figure import draw_projection, projection_tsv
from asda.figures.results_figure import draw_results
from asda.figures.silence import Query
from asda.figures.silence_figure import draw_silence, silence_table, silence_tsv
from asda.figures.silence_measurement import measure_silence
from asda.files import InputError, write_lines
from asda.inference.computations import encoder_of
from asda.inference.loading import load
from asda.model.model_config import Pooling
from asda.scoring.compare import read_groups
from asda.scoring.systems_by_task import SystemsByTask
from asda.training.run_log import read_history


def plot_attention(
    model: str,
    file: str,
    out: Path,
    start: float,
    end: float | None,
    layers: list[int],
    heads: list[int],
    at: float | None,
    encoder: WhichEncoder,
) -> None:
    """Draw what a token attends to in a file."""
    path = figure_path(out)
    loaded = load(model, encoder=encoder)
    config = loaded.saved.config
    shown = layers or [1, (config.depth + 1) // 2, -1]
    numbers = chosen_layers(shown, encoder_of(loaded.network))
    of_heads = chosen_heads(heads, config)
    clip = read_clip(loaded, file, start, end)
    tokens = query_tokens(clip, config, at)
    rows = attention_rows(loaded, clip, numbers, of_heads, tokens)
    who = "CLS attends" if at is None else f"the patches at {at:g} s attend"
    title = f"{model}: what {who} to in {Path(file).name}"
    _write(draw_attention(config.patch, clip, rows, title, at), path, file, clip)


def plot_attention_on_silence(
    model: str,
    data: Path,
    out: Path,
    layers: list[int],
    within: float,
    query: Query,
    groups: Path | None,
    encoder: WhichEncoder,
) -> None:
    """Draw and print the shares of attention on silence in a data directory."""
    path = figure_path(out)
    loaded = load(model, encoder=encoder)
    shown = layers or range(1, loaded.saved.config.depth + 1)
    numbers = chosen_layers(shown, encoder_of(loaded.network))
    sources = DataDir(data).audio_sources()
    if groups:
        read_groups(groups, np.array(list(sources)))  # a fault in it is found before measuring
    measured = measure_silence(loaded, sources, numbers, within, query)
    _report(measured.bad)
    of_clips = read_groups(groups, measured.utterances) if groups else None
    found = measured.intervals(of_clips)
    note = (
        f"{len(measured.utterances)} clips; {measured.left_out} with too little contrast left out"
    )
    title = f"{model}: attention on frames without sound in {data} ({note})"
    write_lines(path.with_suffix(".tsv"), [silence_tsv(found).tsv()])
    write_figure(draw_silence(found, title), path)
    print(silence_table(found, note).markdown())


def plot_masks(
    model: str,
    file: str,
    out: Path,
    start: float,
    end: float | None,
    num_masks: int | None,
    seed: int,
) -> None:
    """Draw masks of a file and the errors of what is predicted."""
    path = figure_path(out)
    loaded = load(model, device="cpu")
    config = loaded.saved.config
    pretrainer = load_pretrainer(loaded.saved)
    clip = read_clip(loaded, file, start, end)
    found = predict_masked(
        pretrainer, clip, config.num_masks if num_masks is None else num_masks, seed
    )
    if found.visible[0].all():
        raise InputError(f"{file}: too short: mask 1 hides no patch of it; choose a longer part")
    title = f"{model}: masks and predictions in {Path(file).name}"
    _write(draw_masks(clip, found, config.patch, title), path, file, clip)


def plot_projection(
    model: str,
    data: Path,
    out: Path,
    method: Method,
    pooling: Pooling | None,
    layer: int,
    encoder: WhichEncoder,
) -> None:
    """Draw the embeddings of a data directory in two dimensions."""
    path = figure_path(out)
    require_method(method)
    clips = embed_clips(load(model, encoder=encoder), data, pooling, layer)
    _report(clips.bad)
    points = project(clips.embeddings, method)
    title = f"{model}: {method.upper()} of {len(points)} clips of {data}"
    names = axis_names(clips.embeddings, method)
    write_lines(path.with_suffix(".tsv"), [projection_tsv(clips, points).tsv()])
    write_figure(draw_projection(points, clips.labels, title, names), path)
    print(path)


def plot_curves(experiments: list[Path], out: Path, quantities: list[str]) -> None:
    """Draw the training curves of experiments."""
    path = figure_path(out)
    folders = list(dict.fromkeys(experiments))
    names = experiment_names(folders)
    runs = {name: read_history(folder) for name, folder in zip(names, folders, strict=True)}
    shown = chosen_quantities(list(runs.values()), quantities)
    title = names[0] if len(names) == 1 else f"{len(names)} experiments"
    write_figure(draw_curves_of(runs, shown, f"training curves of {title}"), path)
    print(path)


def plot_results(
    pattern: str,
    rows: list[str],
    columns: list[str],
    runs: list[str] | None,
    metric: str | None,
    out: Path,
    title: str,
) -> None:
    """Draw the results of systems, as rows, over tasks, as columns."""
    path = figure_path(out)
    systems = SystemsByTask(pattern, rows, columns, runs, metric)
    write_figure(draw_results(systems.points(), title or pattern, len(systems.runs)), path)
    print(path)


def _write(figure: Figure, path: Path, file: str, clip: ClipInput) -> None:
    """Write the figure of a clip, and print which part of the file it does not show."""
    write_figure(figure, path)
    if not clip.is_whole:
        line = (
            "drawn up to {0:.2f} s, the model's longest input; --start {0:.2f} draws what follows"
        )
        print(f"note: {file}: {line.format(clip.end)}", file=sys.stderr)
    print(path)


def _report(bad: dict[str, str]) -> None:
    """Print which clips are left out because their audio cannot be used, and why."""
    for utterance, reason in bad.items():
        print(f"warning: {utterance}: {reason}; left out", file=sys.stderr)
