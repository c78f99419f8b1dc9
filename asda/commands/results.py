"""List, merge and compare results of experiments."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path


def main(argv: list[str]) -> None:
    arguments = vars(_parser().parse_args(argv))
    arguments.pop("run")(**arguments)


def _parser() -> argparse.ArgumentParser:
    # Plain argparse, because the folders are words, as a shell pattern makes them.
    parser = argparse.ArgumentParser(prog="asda results", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, function: Callable, text: str) -> argparse.ArgumentParser:
        sub = verbs.add_parser(name, help=text, description=text)
        sub.set_defaults(run=function)
        sub.add_argument(
            "--metric",
            choices=("accuracy", "mAP", "AUC"),
            help="default: the main metric of the result",
        )
        return sub

    def add_groups(sub: argparse.ArgumentParser, intervals: str) -> None:
        text = f"table `utterance group`, e.g. utt2spk: {intervals} draw groups, not clips"
        sub.add_argument("--groups", type=Path, metavar="FILE", help=text)

    sub = verb("list", list_results, "print every result below a folder, best first")
    sub.add_argument("root", type=Path, nargs="?", default=Path("exp"), help="default: exp")
    sub.add_argument("--folds", action="store_true", help="also the folds of merged results")

    sub = verb("merge", merge, "pool the folds of an experiment: each fold, mean, all clips")
    sub.add_argument("folders", type=Path, nargs="+", help="score folders of the folds")
    sub.add_argument("--out", type=Path, required=True, help="score folder to write")
    add_groups(sub, "the intervals")

    sub = verb("compare", compare, "differences to the first system, on the same clips")
    sub.add_argument("folders", type=Path, nargs="+", help="score folders, the reference first")
    add_groups(sub, "the intervals of differences")

    sub = verb("table", table, "systems as rows, tasks as columns, differences to the first row")
    sub.add_argument("pattern", help="of the score folders: 'exp/{column}/{row}/score', say")
    for name in ("rows", "columns"):
        text = f"what stands for the {name} in the pattern; 'Title=word' prints the title"
        sub.add_argument(f"--{name}", nargs="+", required=True, metavar="WORD", help=text)
    text = "what stands for {run} in the pattern (seeds, say): a cell is the mean of all runs"
    sub.add_argument("--runs", nargs="+", metavar="WORD", help=text)
    add_groups(sub, "the intervals of differences")
    return parser


def list_results(root: Path, metric: str | None, folds: bool) -> None:
    from asda.files import InputError
    from asda.scoring.compare import find_results
    from asda.scoring.tables import TITLES, clips_counted, markdown_table, with_interval

    if not root.is_dir():
        raise InputError(f"{root}: no such folder")
    found = [
        (metric or result["metric"], folder, result)
        for folder, result in find_results(root, folds).items()
        if metric is None or metric in result["metrics"]
    ]
    if not found:
        raise InputError(f"{root}: no results below it; run the recipe up to its stage 5 (score)")
    found.sort(key=lambda one: (one[0], -(one[2]["metrics"][one[0]]["value"] or 0), one[1]))
    rows = [
        (
            (folder.parent if folder.name == "score" else folder).relative_to(root),
            result["provenance"].get("data", ""),
            f"{TITLES[name]} {with_interval(name, result['metrics'][name])}",
            clips_counted(result["clips"]),
            result["provenance"].get("updates", ""),
            result["environment"]["date"][:16].replace("T", " "),
        )
        for name, folder, result in found
    ]
    header = ["experiment", "set", "result [95 % interval]", "clips", "updates", "date"]
    print(markdown_table(header, rows))


def merge(folders: list[Path], out: Path, metric: str | None, groups: Path | None) -> None:
    from asda.scoring.compare import merge_folds
    from asda.scoring.tables import TITLES, number, with_interval

    result = merge_folds(folders, out, groups, metric)
    name = result["metric"]
    print(
        f"{out}: {TITLES[name]} {with_interval(name, result['metrics'][name])}, "
        f"mean of {len(folders)} folds {number(name, result['over_folds'][name]['mean'])}"
    )


def compare(folders: list[Path], metric: str | None, groups: Path | None) -> None:
    from asda.scoring.compare import Comparison, measured, read_result
    from asda.scoring.tables import TITLES, difference, markdown_table, with_interval

    first, *others = folders
    metric = metric or read_result(first)["metric"]
    comparison = Comparison(first, groups_file=groups)
    rows = [(first, with_interval(metric, measured(first, metric)), "")]
    for folder in others:
        value = with_interval(metric, measured(folder, metric))
        rows.append((folder, value, difference(metric, comparison.differences(folder)[metric])))
    print(markdown_table(["system", f"{TITLES[metric]} [95 %]", f"minus {first} [95 %]"], rows))
    print("\n* = the interval of the difference excludes 0")


def table(
    pattern: str,
    rows: list[str],
    columns: list[str],
    runs: list[str] | None,
    metric: str | None,
    groups: Path | None,
) -> None:
    from asda.files import InputError
    from asda.scoring.compare import Comparison, mean_and_deviation, measured, read_result
    from asda.scoring.tables import difference, markdown_table, with_deviation, with_interval

    if ("{run}" in pattern) != bool(runs):
        raise InputError(f"'{pattern}': --runs says what stands for {{run}}; give both or neither")

    def folders_of(row: str, column: str) -> list[Path]:
        """Return the score folders of a cell, one for each run, if all have been scored."""
        words = (word.rpartition("=")[2] for word in (row, column))
        cell = pattern.replace("{row}", next(words)).replace("{column}", next(words))
        folders = [Path(cell.replace("{run}", run)) for run in runs or [""]]
        return folders if all((folder / "result.json").exists() for folder in folders) else []

    if not any(folders_of(row, column) for row in rows for column in columns):
        raise InputError(
            f"no result in '{pattern}' for any of the rows {', '.join(rows)} and columns"
            f" {', '.join(columns)}{' in all runs' if runs else ''}; score the models first"
        )

    def value(folders: list[Path], name: str) -> str:
        if not runs:
            return with_interval(name, measured(folders[0], name))
        return with_deviation(name, mean_and_deviation(name, [read_result(f) for f in folders]))

    def column_cells(column: str) -> list[str]:
        systems = [folders_of(row, column) for row in rows]
        reference = systems[0] and Comparison(*systems[0], groups_file=groups)
        cells = []
        for folders in systems:
            if not folders:
                cells.append("–")
                continue
            name = metric or read_result(folders[0])["metric"]
            cells.append(value(folders, name))
            if reference and folders != systems[0]:
                cells[-1] += "; " + difference(name, reference.differences(*folders)[name])
        return cells

    titles = [[word.rpartition("=")[0] or word for word in words] for words in (rows, columns)]
    cells = zip(*map(column_cells, columns), strict=True)
    print(
        markdown_table(
            ["", *titles[1]], [(t, *line) for t, line in zip(titles[0], cells, strict=True)]
        )
    )
    shown = f"mean ± standard deviation of {len(runs)} runs" if runs else "value [95 % interval]"
    print(f"\n{shown}; difference to {titles[0][0]} [95 % interval], * = excludes 0")
