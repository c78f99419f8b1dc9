"""Write one HTML page about an experiment: settings, curves, results, and clips to listen to.

The page needs no network and no other file. It leaves out what the experiment does not have.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="asda report", description=__doc__, allow_abbrev=False)
    text = "experiment folder, such as exp/finetune, or score folder"
    parser.add_argument("folder", type=Path, metavar="EXP", help=text)
    text = "file to write (default: report.html in EXP)"
    parser.add_argument("--out", type=Path, metavar="FILE", help=text)
    text = "how the map of embeddings is made: pca (default), umap, which needs pip install"
    text += " 'asda[umap]', or none, which leaves the map out and saves time"
    parser.add_argument("--projection", choices=("pca", "umap", "none"), default="pca", help=text)
    text = (
        "where embeddings are computed: auto (a GPU if there is one), cpu or cuda (default: auto)"
    )
    parser.add_argument("--device", default="auto", help=text)
    options = vars(parser.parse_args(argv))
    if options["projection"] == "none":
        options["projection"] = None
    from asda.report.report_page import write_report

    print(write_report(**options))
