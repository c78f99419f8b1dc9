"""What commands have made, in a form in which two calls must agree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import kaldiio
import numpy as np

from asda.checkpoint import tensor_files
from asda.digests import file_digest


def bytes_of(path: Path) -> dict[str, Any]:
    """Return the digest of each file of a folder, or of one file."""
    found = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return {str(file.relative_to(path.parent)): file_digest(file) for file in found}


def dump_of(folder: Path) -> dict[str, Any]:
    """Return the features of a dump and its tables of moments and lengths.

    A dump that was interrupted computes what is missing, so its archives are divided differently.
    """
    tables = {name: file_digest(folder / name) for name in ("utt2moments", "utt2num_frames")}
    return tables | dict(kaldiio.load_scp(str(folder / "feats.scp")))


def run_of(folder: Path) -> dict[str, Any]:
    """Return the weights and the reported losses of a training run."""
    model = tensor_files.load(folder / "model.pt")
    state = tensor_files.load(folder / "checkpoint.pt")["state"]
    weights = {name: tensor.numpy() for name, tensor in model["weights"].items()}
    return weights | {"reported numbers": json.dumps(state["history"])}


def scores_of(folder: Path) -> dict[str, Any]:
    """Return the scores of all clips, and the results without date and place."""
    with np.load(folder / "scores.npz", allow_pickle=False) as content:
        arrays = dict(content)
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return arrays | {"metrics": json.dumps(result["metrics"], sort_keys=True)}
