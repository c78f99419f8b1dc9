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


def _add_model_and_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="model file")
    parser.add_argument("file", help="audio: a file, or another value of wav.scp")
    _add_out(parser)
    text = "begin there in the file (default: 0)"
    parser.add_argument("--start", type=float, default=0.0, metavar="SECONDS", help=text)
    parser.add_argument("--end", type=float, metavar="SECONDS", help="end there in the file")


def _add_out(parser: argparse.ArgumentParser) -> None:
    text = "file to write; .png or .svg"
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help=text)


def _add_encoder(parser: argparse.ArgumentParser) -> None:
    text = "encoder of a pretrained model (default: student)"
    parser.add_argument("--encoder", choices=("student", "teacher"), default="student", help=text)


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
    print(path)
