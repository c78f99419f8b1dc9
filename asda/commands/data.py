"""Check, repair and make Kaldi data directories, with the options of Kaldi's scripts."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from asda.commands.subcommands import Subcommands

AFFIXES = ("--utt-prefix", "--utt-suffix", "--spk-prefix", "--spk-suffix")
WITH_DASHED_VALUES = (*AFFIXES, "--validate-opts")


def main(argv: list[str]) -> None:
    _subcommands().run(_normalised(argv))


def _normalised(argv: list[str]) -> list[str]:
    """Turn underscores of options into dashes, and join values that begin with a dash to theirs."""
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
    verb = verbs.add

    add_validate_options(verb("validate", validate, "report everything that is wrong"))

    sub = verb("fix", fix, "sort, drop what is not in every file, keep the old in .backup")
    sub.add_argument("directory", type=Path)
    sub.add_argument("--utt-extra-files", default="", help="more files keyed by utterance")
    sub.add_argument("--spk-extra-files", default="", help="more files keyed by speaker")

    sub = verb("subset", subset, "make a smaller directory; evenly spaced utterances by default")
    how = sub.add_mutually_exclusive_group()
    for word, text in {
        "first": "the first COUNT",
        "last": "the last COUNT",
        "shortest": "the shortest COUNT",
        "per-spk": "COUNT of each speaker",
        "speakers": "whole speakers, until there are COUNT",
    }.items():
        how.add_argument(f"--{word}", dest="how", action="store_const", const=word, help=text)
    how.add_argument("--spk-list", type=Path, metavar="FILE", help="all of the speakers in FILE")
    how.add_argument("--utt-list", type=Path, metavar="FILE", help="all in FILE")
    sub.add_argument("source", type=Path)
    sub.add_argument("count", type=int, nargs="?", help="not with a list")
    sub.add_argument("destination", type=Path)

    sub = verb("split", split, "split into directory/split<N>/1 and so on, by speaker")
    sub.add_argument("--per-utt", action="store_true", help="by utterance: split<N>utt/1 ...")
    sub.add_argument("directory", type=Path)
    sub.add_argument("count", type=int)

    sub = verb("combine", combine, "join directories whose utterances differ")
    sub.add_argument("--extra-files", default="", help="more files keyed by utterance")
    sub.add_argument("--skip-fix", choices=("true", "false"), default="false")
    sub.add_argument("destination", type=Path)
    sub.add_argument("sources", type=Path, nargs="+")

    sub = verb("copy", copy, "copy with new utterance and speaker ids")
    for name in AFFIXES:
        sub.add_argument(name, default="")
    sub.add_argument("--validate-opts", default="", help="of asda data validate, for the copy")
    sub.add_argument("source", type=Path)
    sub.add_argument("destination", type=Path)

    sub = verb("utt2dur", utt2dur, "write utt2dur from segments, audio headers or frames")
    sub.add_argument("--nj", type=int, default=4, help="headers to read at the same time")
    sub.add_argument("--cmd", help="of Kaldi scripts; no jobs are needed for headers")
    sub.add_argument("directory", type=Path)
    return verbs


def add_validate_options(parser: argparse.ArgumentParser) -> None:
    for name, text in {
        "no-feats": "there may be no feats.scp",
        "no-text": "there may be neither text nor utt2label",
        "no-wav": "there may be no wav.scp; do not look whether audio files exist",
        "no-spk-sort": "utt2spk may be in another order than its speakers",
        "non-print": "text may have unprintable characters",
    }.items():
        parser.add_argument(f"--{name}", action="store_true", help=text)
    parser.add_argument(
        "--check-audio", type=int, default=0, metavar="N", help="read N random utterances"
    )
    parser.add_argument("--shown", type=int, default=10, metavar="N", help="problems of each file")
    parser.add_argument("directory", type=Path)


def validate(directory: Path, shown: int, check_audio: int, **flags: bool) -> None:
    from asda.corpus.datadir import DataDir
    from asda.corpus.edit.validate import Checks
    from asda.corpus.edit.validate import validate as find_problems
    from asda.files import InputError

    checks = Checks(
        feats=not flags["no_feats"],
        text=not flags["no_text"],
        wav=not flags["no_wav"],
        spk_sort=not flags["no_spk_sort"],
        non_print=flags["non_print"],
        audio=check_audio,
        shown=shown,
    )
    report = find_problems(directory, checks)
    for line in report.lines():
        print(line, file=sys.stderr)
    if report.count:
        raise InputError(
            f"{directory}: problems: {report.count}; utils/fix_data_dir.sh {directory} "
            "repairs order, repeated lines and utterances that are not in every file"
        )
    print(f"{directory}: valid, {len(DataDir(directory).utterances)} utterances")


def fix(directory: Path, utt_extra_files: str = "", spk_extra_files: str = "") -> None:
    from asda.corpus.edit.fix import fix as repair
    from asda.corpus.tables import SPEAKER, UTTERANCE

    extra = dict.fromkeys(utt_extra_files.split(), UTTERANCE)
    extra.update(dict.fromkeys(spk_extra_files.split(), SPEAKER))
    fixed = repair(directory, extra)
    _print_some(fixed.notes)
    before = len(fixed.kept) + len(fixed.dropped)
    dropped = f", see {directory}/.backup/dropped_utterances" if fixed.dropped else ""
    print(f"{directory}: kept {len(fixed.kept)} of {before} utterances{dropped}")


def _print_some(notes: list[str], shown: int = 10) -> None:
    for note in notes[:shown]:
        print(f"warning: {note}", file=sys.stderr)
    if len(notes) > shown:
        print(f"warning: and {len(notes) - shown} more", file=sys.stderr)


def subset(
    source: Path,
    count: int | None,
    destination: Path,
    how: str | None,
    spk_list: Path | None,
    utt_list: Path | None,
) -> None:
    from asda.corpus.datadir import DataDir
    from asda.corpus.edit.subset import choose, listed, write_parts
    from asda.files import InputError

    directory = DataDir(source)
    names = spk_list or utt_list
    if (names is None) == (count is None):
        raise InputError("give the number of utterances, or --utt-list or --spk-list without it")
    if names:
        utterances, unknown = listed(directory, names, by_speaker=spk_list is not None)
        _print_some([f"{names}: '{name}' is not in {source}" for name in unknown])
    else:
        utterances = choose(directory, how or "evenly", count)
    write_parts(directory, {destination: utterances})
    print(f"{destination}: {len(utterances)} of {len(directory.utterances)} utterances of {source}")


def split(directory: Path, count: int, per_utt: bool) -> None:
    from asda.corpus.datadir import DataDir
    from asda.corpus.edit.subset import split as split_directory

    folder, made = split_directory(DataDir(directory), count, per_utt)
    print(f"{folder}: {'made' if made else 'up to date'}")


def combine(destination: Path, sources: list[Path], extra_files: str, skip_fix: str) -> None:
    from asda.corpus.datadir import DataDir
    from asda.corpus.edit.combine import combine as join
    from asda.corpus.tables import UTTERANCE

    extra = dict.fromkeys(extra_files.split(), UTTERANCE)
    _print_some(join(destination, [DataDir(source) for source in sources], extra))
    if skip_fix == "true":
        print(f"{destination}: {len(DataDir(destination).utterances)} utterances")
    else:
        fix(destination, extra_files)


def copy(source: Path, destination: Path, validate_opts: str, **affixes: str) -> None:
    from asda.corpus.datadir import DataDir
    from asda.corpus.edit.combine import copy as copy_directory

    directory = DataDir(source)
    copy_directory(directory, destination, **affixes)
    absent = {
        "--no-feats": not directory.has("feats.scp"),
        "--no-text": not (directory.has("text") or directory.has("utt2label")),
        "--no-wav": not directory.has("wav.scp"),
    }
    options = [option for option, is_absent in absent.items() if is_absent]
    main(["validate", *options, *shlex.split(validate_opts), str(destination)])


def utt2dur(directory: Path, nj: int, cmd: str | None) -> None:
    from asda.corpus.datadir import DataDir
    from asda.corpus.edit.durations import write_durations

    written = write_durations(DataDir(directory), nj)
    print(f"{directory}/utt2dur: {'written' if written else 'up to date'}")
