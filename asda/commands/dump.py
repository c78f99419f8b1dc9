"""Compute log-mel features into Kaldi archives, in the steps that utils/dump_fbank.sh calls."""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Callable
from pathlib import Path

from asda.commands.number_types import positive
from asda.commands.subcommands import Subcommands
from asda.configuration import to_dict
from asda.features.fbank_config import FbankConfig

# The compression methods of Kaldi that are not limited to a fixed range of values.
COMPRESSIONS = ("none", "1", "2", "3", "5")


def main(argv: list[str]) -> None:
    _subcommands().run(argv)


def _subcommands() -> Subcommands:
    # Plain argparse, because a shell pattern expands to several positional data directories.
    defaults = "".join(f"    {name}: {value}\n" for name, value in to_dict(FbankConfig()).items())
    keys = inspect.cleandoc(FbankConfig.__doc__ or "").partition("Args:\n")[2].partition("\n\n")[0]
    verbs = Subcommands(
        "asda dump",
        __doc__,
        epilog=f"keys of the feature configuration:\n{keys}\n\ndefaults:\n{defaults}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_plan(verbs)
    _add_part(verbs)
    _add_finish(verbs)
    _add(verbs, "check", check, "read all features and compare them with the tables")
    return verbs


def _add(
    verbs: Subcommands, name: str, function: Callable[..., None], text: str
) -> argparse.ArgumentParser:
    sub = verbs.add(name, function, text)
    sub.add_argument("dump", type=Path, help="folder of the dump")
    return sub


def _add_plan(verbs: Subcommands) -> None:
    text = "list the utterances that are new or have changed; print the number of jobs"
    sub = _add(verbs, "plan", plan, text)
    sub.add_argument("data", type=Path, nargs="+", help="data directories")
    sub.add_argument("--nj", type=positive, default=4, help="largest number of jobs (default: 4)")
    sub.add_argument(
        "--fbank-config",
        type=Path,
        metavar="FILE",
        help="YAML, see asda dump --help, or Kaldi's fbank.conf",
    )
    sub.add_argument(
        "--compression",
        choices=COMPRESSIONS,
        default="3",
        help="Kaldi compression method; 1 and 2 need kaldiio (default: 3)",
    )


def _add_part(verbs: Subcommands) -> None:
    sub = _add(verbs, "part", part, "run one of the jobs")
    sub.add_argument("job", type=int, help="number of the job, from 1")
    sub.add_argument("--archive-mb", type=float, default=256, help="archive size (default: 256)")


def _add_finish(verbs: Subcommands) -> None:
    sub = _add(verbs, "finish", finish, "write the tables after all jobs have ended")
    sub.add_argument(
        "--max-bad",
        type=float,
        default=0.05,
        metavar="FRACTION",
        help="largest fraction of unusable utterances; a single one is always tolerated unless "
        "this is 0 (default: 0.05)",
    )


def plan(
    dump: Path, data: list[Path], nj: int, fbank_config: Path | None, compression: str
) -> None:
    import asda.dump.plan

    print(asda.dump.plan.plan(dump, data, fbank_config, compression, nj))


def part(dump: Path, job: int, archive_mb: float) -> None:
    from asda.dump.compute import compute_part

    compute_part(dump, job, archive_mb * 1e6)


def finish(dump: Path, max_bad: float) -> None:
    import asda.dump.finish

    asda.dump.finish.finish(dump, max_bad)


def check(dump: Path) -> None:
    import asda.dump.check

    asda.dump.check.check(dump)
