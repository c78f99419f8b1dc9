"""Draw what a model attends to, sees, predicts and knows, and how it was trained."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from asda.commands.apply_arguments import MODEL
from asda.commands.results import add_systems
from asda.commands.subcommands import Subcommands


def main(argv: list[str]) -> None:
    _subcommands().run(argv)


def _subcommands() -> Subcommands:
    verbs = Subcommands("asda plot", __doc__)
    _add_attention(verbs)
    _add_silence(verbs)
    _add_masks(verbs)
    _add_projection(verbs)
    _add_curves(verbs)
    _add_results(verbs)
    return verbs


def _later(name: str) -> Callable[..., None]:
    """Return a function of `asda.figures.plot_command` that is imported when it is called."""

    def run(**options: Any) -> None:
        from asda.figures import plot_command

        getattr(plot_command, name)(**options)

    return run


def _add_attention(verbs: Subcommands) -> None:
    text = "draw both softmax maps and their difference on the axes of the spectrogram"
    sub = verbs.add("attention", _later("plot_attention"), text)
    _add_model_and_file(sub)
    _add_layers(sub, "first, middle and last")
    text = "heads from 1, such as 1,4 (default: the mean of all)"
    sub.add_argument("--heads", type=_numbers, default=[], metavar="N,...", help=text)
    text = "draw what the patches at this moment attend to (default: the CLS token)"
    sub.add_argument("--at", type=float, metavar="SECONDS", help=text)
    _add_encoder(sub)


def _add_silence(verbs: Subcommands) -> None:
    text = "measure how much attention falls on frames without sound, with and without map 2"
    sub = verbs.add("attention-on-silence", _later("plot_attention_on_silence"), text)
    _add_model_and_data(sub)
    _add_layers(sub, "all")
    text = "frames at most this far above the noise floor count as without sound (default: 10)"
    sub.add_argument("--within", type=float, default=10.0, metavar="DB", help=text)
    text = "query tokens: all (default), or CLS alone"
    sub.add_argument("--query", choices=("all", "cls"), default="all", help=text)
    text = "table of utterances and their groups, such as utt2spk: intervals are over groups"
    text += " instead of clips"
    sub.add_argument("--groups", type=Path, metavar="FILE", help=text)
    _add_encoder(sub)


def _add_masks(verbs: Subcommands) -> None:
    text = "draw what the student of a pretrained model sees, and the error of its predictions"
    sub = verbs.add("masks", _later("plot_masks"), text)
    _add_model_and_file(sub)
    text = "number of masks over which errors are averaged (default: as many as in pretraining)"
    sub.add_argument("--masks", dest="num_masks", type=int, metavar="N", help=text)
    sub.add_argument("--seed", type=int, default=0, help="seed of the random masks (default: 0)")


def _add_projection(verbs: Subcommands) -> None:
    text = "draw the embeddings of a data directory in two dimensions, with their labels"
    sub = verbs.add("projection", _later("plot_projection"), text)
    _add_model_and_data(sub)
    text = "pca (default), or umap, which needs pip install 'asda[umap]'"
    sub.add_argument("--method", choices=("pca", "umap"), default="pca", help=text)
    text = "how the tokens of a layer become one vector (default: as in the classifier; mean for an"
    text += " encoder)"
    sub.add_argument("--pooling", choices=("cls", "mean", "statistics"), help=text)
    text = "layer of the embeddings, 0 = the patch embeddings (default: -1, the last)"
    sub.add_argument("--layer", type=int, default=-1, metavar="N", help=text)
    _add_encoder(sub)


def _add_curves(verbs: Subcommands) -> None:
    text = "draw the training curves of several experiments on the same axes"
    sub = verbs.add("curves", _later("plot_curves"), text)
    sub.add_argument("experiments", type=Path, nargs="+", metavar="EXP", help="experiment folders")
    _add_out(sub)
    text = "quantities of the log, such as frame_loss grad_norm (default: loss, validation metrics"
    text += " and learning rate)"
    sub.add_argument("--quantities", nargs="+", default=[], metavar="NAME", help=text)


def _add_results(verbs: Subcommands) -> None:
    text = "draw the results of systems over tasks, such as parts of the training set"
    sub = verbs.add("results", _later("plot_results"), text)
    add_systems(sub)
    _add_out(sub)
    sub.add_argument("--title", default="", help="title of the figure (default: the pattern)")


def _add_model_and_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help=MODEL)
    parser.add_argument("file", help="audio file, or another value of wav.scp")
    _add_out(parser)
    text = "where the clip begins in the file (default: 0)"
    parser.add_argument("--start", type=float, default=0.0, metavar="SECONDS", help=text)
    parser.add_argument(
        "--end", type=float, metavar="SECONDS", help="where the clip ends in the file"
    )


def _add_model_and_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help=MODEL)
    parser.add_argument("data", type=Path, help="data directory with wav.scp")
    _add_out(parser, "; its numbers are written to the same name with .tsv")


def _add_out(parser: argparse.ArgumentParser, further: str = "") -> None:
    text = f"file to write: .png or .svg{further}"
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help=text)


def _add_layers(parser: argparse.ArgumentParser, default: str) -> None:
    text = f"layers from 1, such as 1,4; -1 is the last one (default: {default})"
    parser.add_argument("--layers", type=_numbers, default=[], metavar="N,...", help=text)


def _numbers(text: str) -> list[int]:
    try:
        return [int(word) for word in text.split(",")]
    except ValueError:
        message = f"'{text}' should be whole numbers with commas between them"
        raise argparse.ArgumentTypeError(message) from None


def _add_encoder(parser: argparse.ArgumentParser) -> None:
    text = "which encoder of a pretrained model (default: student)"
    parser.add_argument("--encoder", choices=("student", "teacher"), default="student", help=text)
