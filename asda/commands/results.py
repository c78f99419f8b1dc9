"""List, merge and compare results of experiments."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from asda.commands.subcommands import Subcommands

if TYPE_CHECKING:
    from asda.scoring.tables import Table


def main(argv: list[str]) -> None:
    _subcommands().run(argv)


def _subcommands() -> Subcommands:
    verbs = Subcommands("asda results", __doc__)

    text = "print every result below a folder, the best on the validation set first"
    sub = verbs.add("list", list_results, text)
    sub.add_argument("root", type=Path, nargs="?", default=Path("exp"), help="default: exp")
    sub.add_argument("--folds", action="store_true", help="include the folds of merged results")
    _add_metric(sub)
    _add_tsv(sub)

    sub = verbs.add("merge", merge, "pool the folds of an experiment: each fold, mean, all clips")
    sub.add_argument("folders", type=Path, nargs="+", help="score folders of the folds")
    sub.add_argument("--out", type=Path, required=True, help="score folder to write")
    _add_metric(sub)
    _add_groups(sub, "the intervals")

    text = "print differences from the first system, on the same clips"
    sub = verbs.add("compare", compare, text)
    text = "experiments (exp/finetune) or score folders, the reference first"
    sub.add_argument("folders", type=Path, nargs="+", help=text)
    text = "leave out clips that are missing from a system, instead of refusing them"
    sub.add_argument("--common", action="store_true", help=text)
    _add_metric(sub)
    _add_groups(sub, "the intervals of differences")
    _add_tsv(sub)

    text = "print systems as rows, tasks as columns, with differences from the first row"
    sub = verbs.add("table", table, text)
    add_systems(sub)
    _add_groups(sub, "the intervals of differences")
    _add_tsv(sub)
    text = "also write the table to this file, with all columns"
    sub.add_argument("--out", type=Path, metavar="FILE", help=text)
    return verbs


def add_systems(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that name systems and tasks."""
    text = "path of the experiments, e.g. 'exp/{column}/{row}'"
    parser.add_argument("pattern", help=text)
    for name in ("rows", "columns"):
        text = f"words that replace {{{name[:-1]}}} in the pattern; 'Title=word' shows the title"
        parser.add_argument(f"--{name}", nargs="+", required=True, metavar="WORD", help=text)
    text = "words that replace {run}, e.g. a folder per seed: values are means over runs"
    parser.add_argument("--runs", nargs="+", metavar="WORD", help=text)
    _add_metric(parser)


def _add_metric(parser: argparse.ArgumentParser) -> None:
    text = "e.g. accuracy, mAP or AUC (default: the main metric of the result)"
    parser.add_argument("--metric", metavar="NAME", help=text)


def _add_groups(parser: argparse.ArgumentParser, intervals: str) -> None:
    text = f"table `utterance group`, e.g. utt2spk: {intervals} draw groups instead of clips"
    parser.add_argument("--groups", type=Path, metavar="FILE", help=text)


def _add_tsv(parser: argparse.ArgumentParser) -> None:
    text = "print all columns, tab-separated; otherwise a table is made to fit a terminal"
    parser.add_argument("--tsv", action="store_true", help=text)


def _print(table: Table, tsv: bool) -> None:
    print(table.tsv() if tsv else table.for_terminal())


def list_results(root: Path, metric: str | None, folds: bool, tsv: bool) -> None:
    from asda.scoring.system_tables import list_table

    _print(list_table(root, metric, folds), tsv)


def merge(folders: list[Path], out: Path, metric: str | None, groups: Path | None) -> None:
    from asda.scoring.folds import merge_folds
    from asda.scoring.result_files import result_line

    print(result_line(out, merge_folds(folders, out, groups, metric)))


def compare(
    folders: list[Path], metric: str | None, groups: Path | None, common: bool, tsv: bool
) -> None:
    from asda.scoring.system_tables import comparison_table

    _print(comparison_table(folders, metric, groups, common), tsv)


def table(
    pattern: str,
    rows: list[str],
    columns: list[str],
    runs: list[str] | None,
    metric: str | None,
    groups: Path | None,
    tsv: bool,
    out: Path | None,
) -> None:
    from asda.files import write_lines
    from asda.scoring.systems_by_task import SystemsByTask

    found = SystemsByTask(pattern, rows, columns, runs, metric, groups).table()
    if out is not None:
        write_lines(out, [found.tsv() if tsv else found.markdown()])
    _print(found, tsv)
