"""Write one HTML page about an experiment: settings, curves, results, clips that can be heard.

The page needs no network and no other file. What the experiment lacks is left out of it.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="asda report", description=__doc__, allow_abbrev=False)
    text = "experiment folder, e.g. exp/finetune, or score folder"
    parser.add_argument("folder", type=Path, metavar="EXP", help=text)
    text = "the page (default: report.html in EXP)"
    parser.add_argument("--out", type=Path, metavar="FILE", help=text)
    text = "how embeddings become a map: pca (default), umap, which needs pip install 'asda[umap]'"
    text += ", or none, which saves the time of computing them"
    parser.add_argument("--projection", choices=("pca", "umap", "none"), default="pca", help=text)
    parser.add_argument("--device", default="auto", help="of the embeddings (default: auto)")
    options = vars(parser.parse_args(argv))
    if options["projection"] == "none":
        options["projection"] = None
    from asda.report.report_page import write_report

    print(write_report(**options))
