"""Draw what a model attends to, sees, predicts and knows, and how it was trained."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from asda.commands.subcommands import Subcommands


def main(argv: list[str]) -> None:
    _subcommands().run(argv)


def _subcommands() -> Subcommands:
    verbs = Subcommands("asda plot", __doc__)
    _add_attention(verbs)
    _add_silence(verbs)
    _add_masks(verbs)
    _add_curves(verbs)
    return verbs


def _add_attention(verbs: Subcommands) -> None:
    text = "draw both softmax maps and their difference on the axes of the spectrogram"
    sub = verbs.add("attention", attention, text)
    _add_model_and_file(sub)
    text = "layers from 1; negative ones count from the last (default: first, middle and last)"
    sub.add_argument("--layers", type=int, nargs="+", default=[], metavar="N", help=text)
    text = "heads from 1 (default: the mean of all)"
    sub.add_argument("--heads", type=int, nargs="+", default=[], metavar="N", help=text)
    text = "draw what the patches at this moment attend to (default: the CLS token)"
    sub.add_argument("--at", type=float, metavar="SECONDS", help=text)
    _add_encoder(sub)


def _add_silence(verbs: Subcommands) -> None:
    text = "measure how much attention falls on frames without sound, with and without map 2"
    sub = verbs.add("attention-on-silence", attention_on_silence, text)
    sub.add_argument("model", help="model file")
    sub.add_argument("data", type=Path, help="data directory with wav.scp")
    _add_out(sub, "; a table goes to the same name with .tsv")
    text = "layers from 1; negative ones count from the last (default: all)"
    sub.add_argument("--layers", type=int, nargs="+", default=[], metavar="N", help=text)
    text = "frames up to this far above the noise floor of their clip are without sound"
    sub.add_argument("--within", type=float, default=10.0, metavar="DB", help=text)
    text = "tokens that attend: all valid ones (default), or CLS alone"
    sub.add_argument("--query", choices=("all", "cls"), default="all", help=text)
    text = "table `utterance group`, e.g. utt2spk: the intervals draw groups instead of clips"
    sub.add_argument("--groups", type=Path, metavar="FILE", help=text)
    _add_encoder(sub)


def _add_masks(verbs: Subcommands) -> None:
    text = "draw what the student of a pretrained model sees, and the error of its predictions"
    sub = verbs.add("masks", masks, text)
    _add_model_and_file(sub)
    text = "masks over which errors are averaged (default: as many as in pretraining)"
    sub.add_argument("--masks", dest="num_masks", type=int, metavar="N", help=text)
    sub.add_argument("--seed", type=int, default=0, help="of the masks (default: 0)")


def _add_curves(verbs: Subcommands) -> None:
    text = "draw the training curves of several experiments on the same axes"
    sub = verbs.add("curves", curves, text)
    sub.add_argument("experiments", type=Path, nargs="+", metavar="EXP", help="experiment folders")
    _add_out(sub)
    text = "e.g. frame_loss grad_norm (default: loss, metric and learning rate)"
    sub.add_argument("--quantities", nargs="+", default=[], metavar="NAME", help=text)


def _add_model_and_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="model file")
    parser.add_argument("file", help="audio: a file, or another value of wav.scp")
    _add_out(parser)
    text = "begin there in the file (default: 0)"
    parser.add_argument("--start", type=float, default=0.0, metavar="SECONDS", help=text)
    parser.add_argument("--end", type=float, metavar="SECONDS", help="end there in the file")


def _add_out(parser: argparse.ArgumentParser, further: str = "") -> None:
    text = f"file to write; .png or .svg{further}"
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help=text)


def _add_encoder(parser: argparse.ArgumentParser) -> None:
    text = "encoder of a pretrained model (default: student)"
    parser.add_argument("--encoder", choices=("student", "teacher"), default="student", help=text)


def _written(path: Path, file: str, note: str) -> None:
    if note:
        print(f"note: {file}: {note}", file=sys.stderr)
    print(path)


def attention(
    model: str,
    file: str,
    out: Path,
    start: float,
    end: float | None,
    layers: list[int],
    heads: list[int],
    at: float | None,
    encoder: str,
) -> None:
    from asda.checkpoint.load import read_model
    from asda.figures.attention_figure import (
        attention_rows,
        chosen_heads,
        chosen_layers,
        draw_attention,
        query_tokens,
    )
    from asda.figures.canvas import figure_path, write_figure
    from asda.figures.clip_input import read_clip
    from asda.model.heads import Head

    path = figure_path(out)
    saved = read_model(model)
    network = saved.build(encoder)
    numbers = chosen_layers(layers, saved.config.depth)
    of_heads = chosen_heads(heads, saved.config.heads)
    clip = read_clip(saved, file, start, end)
    tokens = query_tokens(clip, saved.config, at)
    trunk = network.encoder if isinstance(network, Head) else network
    rows = attention_rows(trunk, saved.config, clip, numbers, of_heads, tokens)
    who = "CLS attends" if at is None else f"the patches at {at:g} s attend"
    title = f"{model}: what {who} to in {Path(file).name}"
    write_figure(draw_attention(saved, clip, rows, title, at), path)
    _written(path, file, clip.note)


def attention_on_silence(
    model: str,
    data: Path,
    out: Path,
    layers: list[int],
    within: float,
    query: str,
    groups: Path | None,
    encoder: str,
) -> None:
    from asda.checkpoint.load import read_model
    from asda.corpus.datadir import DataDir
    from asda.figures.attention_figure import chosen_layers
    from asda.figures.canvas import figure_path, write_figure
    from asda.figures.silence_figure import draw_silence, silence_table, silence_tsv
    from asda.figures.silence_measurement import measure_silence
    from asda.files import write_lines
    from asda.model.heads import Head
    from asda.scoring.compare import read_groups

    path = figure_path(out)
    saved = read_model(model)
    network = saved.build(encoder)
    trunk = network.encoder if isinstance(network, Head) else network
    numbers = chosen_layers(layers or range(1, saved.config.depth + 1), saved.config.depth)
    measured = measure_silence(saved, trunk, DataDir(data).audio_sources(), numbers, within, query)
    for utterance, reason in measured.bad.items():
        print(f"warning: {utterance}: {reason}", file=sys.stderr)
    found = measured.intervals(groups and read_groups(groups, measured.utterances))
    clips = len(measured.utterances)
    note = f"{clips} clips; {measured.left_out} with too little contrast left out"
    title = f"{model}: attention on frames without sound in {data} ({note})"
    write_figure(draw_silence(found, title), path)
    write_lines(path.with_suffix(".tsv"), [silence_tsv(found).tsv()])
    print(silence_table(found, note).markdown())


def masks(
    model: str,
    file: str,
    out: Path,
    start: float,
    end: float | None,
    num_masks: int | None,
    seed: int,
) -> None:
    from asda.checkpoint.load import read_model
    from asda.figures.canvas import figure_path, write_figure
    from asda.figures.clip_input import read_clip
    from asda.figures.masked_prediction import load_pretrainer, predict_masked
    from asda.figures.masks_figure import draw_masks

    path = figure_path(out)
    saved = read_model(model)
    pretrainer = load_pretrainer(saved)
    clip = read_clip(saved, file, start, end)
    found = predict_masked(pretrainer, clip, num_masks or saved.config.num_masks, seed)
    title = f"{model}: masks and predictions in {Path(file).name}"
    write_figure(draw_masks(clip, found, saved.config.patch, title), path)
    _written(path, file, clip.note)


def curves(experiments: list[Path], out: Path, quantities: list[str]) -> None:
    from asda.figures.canvas import figure_path, write_figure
    from asda.figures.curves_figure import chosen_quantities, draw_curves_of, experiment_names
    from asda.training.run_log import read_history

    path = figure_path(out)
    names = experiment_names(experiments)
    runs = {name: read_history(folder) for name, folder in zip(names, experiments, strict=True)}
    shown = chosen_quantities(list(runs.values()), quantities)
    title = names[0] if len(names) == 1 else f"{len(names)} experiments"
    write_figure(draw_curves_of(runs, shown, f"training curves of {title}"), path)
    print(path)
