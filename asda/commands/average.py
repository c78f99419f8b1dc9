"""Write a checkpoint of a run, or the average of several, to a model.pt.

The run need not be complete. The weights of several files are averaged.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def average(models: list[Path], out: Path) -> None:
    """Write the average of models as a model.pt."""
    from asda.checkpoint import tensor_files
    from asda.checkpoint.load import read_model
    from asda.checkpoint.mean_model import mean_model
    from asda.files import refuse_overwriting

    refuse_overwriting(out, models)
    saved = mean_model([read_model(path) for path in models])
    tensor_files.save(saved.content(), out)
    print(f"wrote {out} ({saved.kind}, of updates {saved.facts['from_updates']})")


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="asda average", description=__doc__, allow_abbrev=False)
    text = "checkpoint.pt (the last weights), snapshots/*.pt or model.pt of one run"
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL", help=text)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="model.pt to write")
    average(**vars(parser.parse_args(argv)))
