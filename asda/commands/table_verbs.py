"""The verbs of `asda data` that derive tables from others, or choose utterances by them."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from asda.commands.data_steps import utt2dur
from asda.commands.number_types import positive
from asda.commands.subcommands import Subcommands


def add_table_verbs(verbs: Subcommands) -> None:
    text = "write utt2num_frames from features, or else from durations"
    add_reading(verbs.add("frames", frames, text))
    for name, text in {
        "frame-shift": "print the seconds from one frame to the next",
        "num-frames": "print the number of frames of all utterances",
        "segments": "print a line of segments for each utterance that is a whole recording",
    }.items():
        verbs.add(name, partial(_print_derived, name), text).add_argument("directory", type=Path)
    text = "write reco2utt, the utterances of each recording"
    verbs.add("reco2utt", reco2utt, text).add_argument("directory", type=Path)
    text = "write a subset with no transcript in more than COUNT utterances"
    sub = verbs.add("no-repeats", no_repeats, text)
    sub.add_argument("count", type=int)
    sub.add_argument("source", type=Path)
    sub.add_argument("destination", type=Path)


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Add what Kaldi's scripts take that read the audio of a directory."""
    add_reading_options(parser)
    parser.add_argument("directory", type=Path)


def add_reading_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of Kaldi's scripts that read audio."""
    parser.add_argument("--nj", type=positive, default=4, help="audio files read in parallel")
    for name in ("--cmd", "--read-entire-file", "--permissive"):
        parser.add_argument(name, help="accepted for compatibility with Kaldi; not used")


def frames(directory: Path, nj: int, **options: str | None) -> None:
    from asda.corpus.datadir import DataDir, write_table
    from asda.corpus.edit.durations import frames_of_seconds
    from asda.features.frame_counts import frames_of

    data = DataDir(directory)
    if data.has("utt2num_frames"):
        print(f"{directory}/utt2num_frames: exists")
        return
    if data.has("feats.scp"):
        counts = frames_of(data)
    else:
        utt2dur(directory, nj)
        counts = frames_of_seconds(data)
    write_table(directory / "utt2num_frames", {name: f"{n:.0f}" for name, n in counts.items()})
    print(f"{directory}/utt2num_frames: written")


def _print_derived(what: str, directory: Path) -> None:
    from asda.corpus.datadir import DataDir
    from asda.corpus.edit.derived_tables import whole_segments
    from asda.corpus.edit.durations import frames_of_seconds, measured_frame_shift
    from asda.features.frame_counts import frames_of

    data = DataDir(directory)
    if what == "segments":
        sys.stdout.writelines(f"{key} {value}\n" for key, value in whole_segments(data)[0].items())
        return
    counted = data.has("utt2num_frames") or data.has("feats.scp")
    counts = frames_of(data) if counted else frames_of_seconds(data)
    if what == "num-frames":
        print(f"{sum(counts.values()):.0f}")
    else:
        print(f"{measured_frame_shift(data, counts):g}")


def reco2utt(directory: Path) -> None:
    from asda.corpus.datadir import DataDir
    from asda.corpus.edit.derived_tables import write_reco2utt

    write_reco2utt(DataDir(directory))
    print(f"{directory}/reco2utt: written")


def no_repeats(count: int, source: Path, destination: Path) -> None:
    from asda.corpus.datadir import DataDir
    from asda.corpus.edit.derived_tables import without_repeats
    from asda.corpus.edit.subset import write_parts

    data = DataDir(source)
    kept = without_repeats(data, count)
    write_parts(data, {destination: kept})
    print(f"{destination}: {len(kept)} of {len(data.utterances)} utterances of {source}")
