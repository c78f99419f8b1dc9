"""The verbs of `asda data` that cut utterances."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from asda.commands.data_steps import print_some
from asda.commands.subcommands import Subcommands
from asda.commands.table_verbs import add_reading_options


def add_segment_verbs(verbs: Subcommands) -> None:
    text = "write a data directory of parts of utterances, with the rows of their features"
    sub = verbs.add("subsegments", subsegments, text)
    padding = "let segments end later, but not features (default: 0)"
    sub.add_argument(
        "--segment-end-padding", type=float, default=0.0, metavar="SECONDS", help=padding
    )
    for name in ("--nj", "--cmd"):  # no features are read but for their length
        sub.add_argument(name, help="accepted for compatibility with Kaldi; not used")
    sub.add_argument("source", type=Path)
    sub.add_argument("parts", type=Path, help="lines 'part utterance start end', in seconds")
    sub.add_argument("text", type=Path, nargs="?", help="transcripts of the parts")
    sub.add_argument("destination", type=Path)

    text = "copy, with the audio of each segment as a recording of its own"
    sub = verbs.add("extract-segments", extract_segments, text)
    add_reading_options(sub)
    sub.add_argument("source", type=Path)
    sub.add_argument("destination", type=Path)


def subsegments(
    source: Path,
    parts: Path,
    text: Path | None,
    destination: Path,
    segment_end_padding: float,
    **options: str | None,
) -> None:
    from asda.corpus.datadir import DataDir
    from asda.corpus.edit.subsegments import subsegment
    from asda.corpus.edit.utterance_parts import read_parts, read_texts
    from asda.features.frame_counts import frames_of

    data = DataDir(source)
    cut = read_parts(parts, data.utterances)
    texts = None if text is None else read_texts(text, cut)
    frames = partial(frames_of, data) if data.has("feats.scp") else None
    without = subsegment(data, destination, cut, texts, segment_end_padding, frames)
    print_some([f"{name}: left out: features have no frame between its times" for name in without])
    print(f"{destination}: {len(cut) - len(without)} parts of utterances of {source}")


def extract_segments(source: Path, destination: Path, nj: int = 4, **options: str | None) -> None:
    from asda.corpus.datadir import DataDir
    from asda.corpus.edit.extracted_audio import extract_segments as extract

    data = DataDir(source)
    bad = extract(data, destination, nj)
    print_some([f"{name}: left out: {reason}" for name, reason in sorted(bad.items())])
    print(f"{destination}: {len(data.utterances) - len(bad)} utterances with audio of their own")
