"""Kinds of files that are damaged, and what reads them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from outputs import dump_of

from asda.audio.waveform import read_audio
from asda.checkpoint import tensor_files
from asda.checkpoint.load import read_model
from asda.configuration import load, to_dict
from asda.corpus.datadir import DataDir
from asda.corpus.edit.validate import Checks, validate
from asda.dump.check import check
from asda.files import InputError
from asda.scoring.compare import read_result
from asda.scoring.predictions import ScoredClips
from asda.training.run_config import PretrainConfig


@dataclass
class Kind:
    """A file of a folder, and its reader.

    Args:
        pattern: finds the file in the folder of the work
        folder: how many folders above the file are copied with it
        read: reads the file, and what else is needed, to comparable values
        has_checksums: whether no damage may stay unnoticed
        names: what a message must name instead of the file
    """

    pattern: str
    folder: int
    read: Callable[[Path], dict[str, Any]]
    has_checksums: bool = False
    names: str = ""

    def copied(self, work: Path, place: Path) -> Path:
        """Copy the file with its folder, and return the copy."""
        found = min(work.glob(self.pattern))
        if self.folder == 0:
            place.mkdir()
            return Path(shutil.copy(found, place))
        whole = found.parents[self.folder - 1]
        shutil.copytree(whole, place)
        for table in place.glob("feats.scp"):  # with absolute paths
            table.write_text(table.read_text().replace(f"{whole}/", f"{place}/"))
        return place / found.relative_to(whole)


def of_dump(path: Path) -> dict[str, Any]:
    folder = path.parent if path.parent.name != "archives" else path.parent.parent
    check(folder)
    return dump_of(folder)


def of_data(path: Path) -> dict[str, Any]:
    """Validate a data directory, and read its tables."""
    report = validate(path.parent, Checks(feats=False))
    if report.count:
        raise InputError(next(iter(report.lines())).splitlines()[0])
    data = DataDir(path.parent)
    tables = {name: str(list(data.table(name).items())) for name in ("wav.scp", "utt2label")}
    return tables | {
        "labels": str(data.labels),
        "utt2spk": str(list(data.table("utt2spk").items())),
    }


def of_tensors(path: Path) -> dict[str, Any]:
    content = tensor_files.load(path)
    return flat(content)


def flat(content: Any, name: str = "") -> dict[str, Any]:
    """Return nested values by their path, tensors as arrays."""
    if isinstance(content, dict):
        found = {}
        for key, value in content.items():
            found |= flat(value, f"{name}/{key}")
        return found
    return {name: content.numpy() if hasattr(content, "numpy") else str(content)}


def of_export(path: Path) -> dict[str, Any]:
    saved = read_model(path.parent / "model.safetensors")
    return flat(saved.content())


def of_scores(path: Path) -> dict[str, Any]:
    found = ScoredClips.load(path.parent)
    return {
        name: str(np.asarray(value).tolist())
        for name, value in vars(found).items()
        if value is not None
    }


KINDS = {
    "archive of a dump": Kind("made/dump/archives/*.ark", 2, of_dump, names="dump"),
    "feats.scp": Kind("made/dump/feats.scp", 1, of_dump, names="damaged"),
    "utt2num_frames": Kind("made/dump/utt2num_frames", 1, of_dump, names="damaged"),
    "utt2moments": Kind("made/dump/utt2moments", 1, of_dump, names="damaged"),
    "fbank.yaml": Kind("made/dump/fbank.yaml", 1, of_dump, names="damaged"),
    "wav.scp": Kind("data/train/wav.scp", 1, of_data, names="damaged"),
    "utt2label": Kind("data/train/utt2label", 1, of_data, names="damaged"),
    "labels.txt": Kind("data/train/labels.txt", 1, of_data, names="damaged"),
    "checkpoint.pt": Kind("made/pretrain/checkpoint.pt", 0, of_tensors, has_checksums=True),
    "model.pt": Kind("made/finetune/model.pt", 0, of_tensors, has_checksums=True),
    "config.yaml": Kind(
        "made/pretrain/config.yaml", 0, lambda path: flat(to_dict(load(PretrainConfig, path)))
    ),
    "model.safetensors": Kind("made/export/model.safetensors", 1, of_export),
    "scores.npz": Kind("made/score/scores.npz", 1, of_scores, has_checksums=True),
    "result.json": Kind(
        "made/score/result.json", 1, lambda path: flat(read_result(path.parent)), names="damaged"
    ),
    "WAV": Kind("sounds/*/*.wav", 0, lambda path: {"samples": read_audio(str(path))}, names=" "),
}
