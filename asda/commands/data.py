"""Check, repair and create Kaldi data directories, with the options of Kaldi's own scripts."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

from asda.commands.change_verbs import add_change_verbs
from asda.commands.data_steps import fix, print_some, reco2dur, utt2dur, validate, validate_copy
from asda.commands.number_types import not_negative
from asda.commands.segment_verbs import add_segment_verbs
from asda.commands.subcommands import Subcommands
from asda.commands.table_verbs import add_reading, add_table_verbs

AFFIXES = ("--utt-prefix", "--utt-suffix", "--spk-prefix", "--spk-suffix")
WITH_DASHED_VALUES = (*AFFIXES, "--validate-opts")


def main(argv: list[str]) -> None:
    _subcommands().run(_normalised(argv))


def _normalised(argv: list[str]) -> list[str]:
    """Write options with dashes, and attach values that may begin with a dash by "="."""
    words: list[str] = []
    for word in argv:
        if words and words[-1] in WITH_DASHED_VALUES:
            words[-1] += f"={word}"
        elif word.startswith("--"):
            name, equals, value = word.partition("=")
            words.append(name.replace("_", "-") + equals + value)
        else:
            words.append(word)
    return words


def _subcommands() -> Subcommands:
    verbs = Subcommands("asda data", __doc__)
    _add_repair(verbs)
    _add_subset(verbs)
    _add_copies(verbs)
    _add_durations(verbs)
    _add_overviews(verbs)
    add_change_verbs(verbs)
    add_table_verbs(verbs)
    add_segment_verbs(verbs)
    return verbs


def _add_repair(verbs: Subcommands) -> None:
    sub = verbs.add("validate", validate, "report all problems of a data directory")
    _add_checks(sub)
    sub.add_argument("directory", type=Path)

    sub = verbs.add(
        "fix", fix, "sort tables and drop incomplete utterances; old files go to .backup"
    )
    sub.add_argument("directory", type=Path)
    sub.add_argument("--utt-extra-files", default="", help="further files keyed by utterance")
    sub.add_argument("--spk-extra-files", default="", help="further files keyed by speaker")


def _add_subset(verbs: Subcommands) -> None:
    text = "write a subset of a data directory; by default utterances at even intervals"
    sub = verbs.add("subset", subset, text)
    how = sub.add_mutually_exclusive_group()
    for word, text in {
        "first": "the first COUNT utterances",
        "last": "the last COUNT utterances",
        "shortest": "the shortest COUNT utterances",
        "per-spk": "COUNT utterances per speaker",
        "per-label": "COUNT utterances per value of utt2label",
        "speakers": "whole speakers, until COUNT utterances are reached",
    }.items():
        how.add_argument(f"--{word}", dest="how", action="store_const", const=word, help=text)
    how.add_argument(
        "--spk-list", type=Path, metavar="FILE", help="all utterances of the speakers in FILE"
    )
    how.add_argument("--utt-list", type=Path, metavar="FILE", help="the utterances in FILE")
    sub.add_argument("source", type=Path)
    sub.add_argument("count", type=int, nargs="?", help="number of utterances; omit with a list")
    sub.add_argument("destination", type=Path)


def _add_copies(verbs: Subcommands) -> None:
    text = "split by speaker into directory/split<N>/1, 2, ... for parallel jobs"
    sub = verbs.add("split", split, text)
    sub.add_argument("--per-utt", action="store_true", help="split by utterance, into split<N>utt")
    sub.add_argument("directory", type=Path)
    sub.add_argument("count", type=int)

    sub = verbs.add("combine", combine, "combine directories without common utterances")
    sub.add_argument("--extra-files", default="", help="further files keyed by utterance")
    sub.add_argument("--skip-fix", choices=("true", "false"), default="false")
    sub.add_argument("destination", type=Path)
    sub.add_argument("sources", type=Path, nargs="+")

    sub = verbs.add("copy", copy, "copy with new utterance and speaker IDs")
    for name in AFFIXES:
        sub.add_argument(name, default="")
    sub.add_argument(
        "--validate-opts", default="", help="options of asda data validate for the copy"
    )
    sub.add_argument("source", type=Path)
    sub.add_argument("destination", type=Path)


def _add_durations(verbs: Subcommands) -> None:
    for name, function, text in (
        ("utt2dur", utt2dur, "write utt2dur from segments, audio headers or frame counts"),
        ("reco2dur", reco2dur, "write reco2dur from audio headers"),
    ):
        sub = verbs.add(name, function, text)
        shift = "seconds from one frame to the next, for durations from features"
        sub.add_argument("--frame-shift", type=float, metavar="SECONDS", help=shift)
        add_reading(sub)


def _add_overviews(verbs: Subcommands) -> None:
    text = "list the audio of a folder with one subfolder per class, as a CSV"
    sub = verbs.add("labels", labels, text)
    sub.add_argument("folder", type=Path)

    sub = verbs.add(
        "summary", summary, "show hours, formats, classes and identical audio of a corpus"
    )
    sub.add_argument("--fbank-config", type=Path, metavar="FILE", help="as for asda dump")
    sub.add_argument("directories", type=Path, nargs="+", metavar="directory")


def _add_checks(parser: argparse.ArgumentParser) -> None:
    for name, text in {
        "no-feats": "do not require feats.scp",
        "no-text": "require neither text nor utt2label",
        "no-wav": "do not require wav.scp, nor check that audio files exist",
        "no-spk-sort": "do not require utt2spk to be sorted by speaker",
        "non-print": "accept unprintable characters in text",
    }.items():
        parser.add_argument(f"--{name}", action="store_true", help=text)
    parser.add_argument(
        "--check-audio",
        type=not_negative,
        default=0,
        metavar="N",
        help="decode N random utterances",
    )
    parser.add_argument(
        "--shown", type=not_negative, default=10, metavar="N", help="problems listed per file"
    )


def _checks_in(text: str) -> dict[str, Any]:
    """Return the options of `asda data validate` that a text consists of."""
    parser = argparse.ArgumentParser(prog="asda data copy --validate-opts", allow_abbrev=False)
    _add_checks(parser)
    return vars(parser.parse_args(_normalised(shlex.split(text))))


def subset(
    source: Path,
    count: int | None,
    destination: Path,
    how: str | None,
    spk_list: Path | None,
    utt_list: Path | None,
) -> None:
    from asda.corpus.datadir import DataDir
    from asda.corpus.edit.subset import choose, read_selection, write_parts
    from asda.files import InputError

    directory = DataDir(source)
    names = spk_list or utt_list
    if names is None and count is not None:
        utterances = choose(directory, how or "evenly", count)
    elif names is not None and count is None:
        utterances, unknown = read_selection(directory, names, by_speaker=spk_list is not None)
        print_some([f"{names}: '{name}' is not in {source}" for name in unknown])
    else:
        raise InputError("give either the number of utterances, or --utt-list or --spk-list")
    write_parts(directory, {destination: utterances})
    print(f"{destination}: {len(utterances)} of {len(directory.utterances)} utterances of {source}")


def split(directory: Path, count: int, per_utt: bool) -> None:
    from asda.corpus.datadir import DataDir
    from asda.corpus.edit.subset import split as split_directory

    folder, written = split_directory(DataDir(directory), count, per_utt)
    print(f"{folder}: {'written' if written else 'up to date'}")


def combine(destination: Path, sources: list[Path], extra_files: str, skip_fix: str) -> None:
    from asda.corpus.datadir import DataDir
    from asda.corpus.edit.combine import combine as join
    from asda.corpus.kaldi_tables import UTTERANCE

    extra = dict.fromkeys(extra_files.split(), UTTERANCE)
    print_some(join(destination, [DataDir(source) for source in sources], extra))
    if skip_fix == "true":
        print(f"{destination}: {len(DataDir(destination).utterances)} utterances")
    else:
        fix(destination, extra_files)


def copy(source: Path, destination: Path, validate_opts: str, **affixes: str) -> None:
    from asda.corpus.datadir import DataDir
    from asda.corpus.edit.combine import copy as copy_directory

    checks = _checks_in(validate_opts)
    directory = DataDir(source)
    copy_directory(directory, destination, **affixes)
    validate_copy(directory, destination, **checks)


def labels(folder: Path) -> None:
    from asda.corpus.edit.folder_labels import describe, list_folder, write_csv

    listing = list_folder(folder)
    write_csv(listing, sys.stdout)
    for line in describe(folder, listing):
        print(line, file=sys.stderr)


def summary(directories: list[Path], fbank_config: Path | None) -> None:
    from asda.corpus.edit.summary import Features
    from asda.corpus.edit.summary import summary as describe_sets
    from asda.features.fbank_config import FbankConfig
    from asda.features.fbank_file import load_fbank

    config = load_fbank(fbank_config) if fbank_config else FbankConfig()
    features = Features(config.sample_rate, config.num_mel_bins, config.filters_above)
    for line in describe_sets(directories, features):
        print(line)
