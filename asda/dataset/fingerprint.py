"""Digests of the data of a run, which may only resume, or count as complete, if they are the same.

Paths do not count: data may be moved.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from asda.configuration import to_dict
from asda.corpus.datadir import DataDir
from asda.corpus.packed_table import read_packed
from asda.dataset.feature_sources import FeatureInput
from asda.digests import table_digest, value_digest
from asda.features.fbank_file import load_fbank
from asda.text.transcripts import read_transcripts


def fingerprint(directory: str, features: FeatureInput, truth: Collection[str]) -> dict[str, str]:
    """Return digests of the clips and features of a data directory.

    Args:
        directory: a Kaldi data directory
        features: where its features come from
        truth: what else matters: "labels", "transcripts"

    Returns:
        "clips": utterances and their sampling weights; "labels" (if they matter): classes and the
        labels of the clips; "transcripts" (if they matter): those of the clips; "features": the
        moments recorded in a dump, or the feature configuration.
    """
    data = DataDir(directory)
    clips = data.utterances
    digests = {"clips": table_digest(clips, _table(data, "utt2weight"))}
    if "transcripts" in truth:
        digests["transcripts"] = table_digest(clips, read_transcripts(data))
    if "labels" in truth:
        digests["labels"] = table_digest(data.labels, {})
        digests["labels"] += table_digest(clips, _table(data, "utt2label"))
    if features.fbank is not None:
        settings = to_dict(load_fbank(features.fbank))
        for name, before in {"keep_silent": False, "snip_edges": True}.items():
            if settings[name] == before:  # digests stay those of before there was this setting
                del settings[name]
        return digests | {"features": value_digest(settings)}
    dumped = DataDir(features.dump or directory)
    return digests | {"features": table_digest(clips, _table(dumped, "utt2moments"))}


def _table(data: DataDir, name: str) -> Mapping[str, str]:
    return read_packed(data.path / name) if data.has(name) else {}
