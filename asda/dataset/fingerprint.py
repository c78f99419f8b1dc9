"""What a training read, in a few letters: a run goes on, or counts as complete, with the same."""

from __future__ import annotations

import hashlib

from asda.configuration import load, to_dict
from asda.corpus.datadir import DataDir
from asda.features.fbank_config import FbankConfig
from asda.files import digest


def fingerprint(
    directory: str, dump: str | None, fbank: str | None, labelled: bool
) -> dict[str, str]:
    """Return what tells a data directory's clips and features; paths don't count.

    Args:
        directory: a Kaldi data directory
        dump, fbank: where its features come from (`open_features`)
        labelled: whether labels matter

    Returns:
        Digests of the clips and their sampling weights; of their labels and the classes; and of
        their features: the moments that a dump keeps, or the configuration.
    """
    data = DataDir(directory)
    clips = data.utterances
    prints = {"clips": _digest(clips, _table(data, "utt2weight"))}
    if labelled:
        prints["labels"] = _digest(data.labels, {}) + _digest(clips, _table(data, "utt2label"))
    if fbank is not None:
        return prints | {"features": digest(to_dict(load(FbankConfig, fbank)))}
    dumped = DataDir(dump or directory)
    return prints | {"features": _digest(clips, _table(dumped, "utt2moments"))}


def _table(data: DataDir, name: str) -> dict[str, str]:
    return data.table(name) if data.has(name) else {}


def _digest(names: list[str], table: dict[str, str]) -> str:
    """Return a digest of names, each with its line of a table."""
    sha = hashlib.sha256()
    for name in names:
        sha.update(f"{name} {table.get(name, '')}\n".encode())
    return sha.hexdigest()[:16]
