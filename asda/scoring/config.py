"""What is scored (typed configuration, no torch import)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class ScoreConfig:
    """Score a trained classifier on the labelled clips of a data directory.

    Args:
        model: model.pt of a fine-tuning experiment
        data: data directory with utt2label
        out: folder for scores.npz, result.json, RESULTS.md, per_class.tsv and confusion.png
        dump: folder with the features (feats.scp) of the directory (null = its own)
        fbank: feature configuration (YAML file); features are then computed from audio, no dump
        metric: quantity that results are ranked by (null = accuracy, or mAP for several labels)
        batch_size: clips per batch
        device: where to score ("auto" = a GPU if there is one)
        threads: CPU threads (0 = all cores)
    """

    model: str
    data: str
    out: str
    dump: str | None = None
    fbank: str | None = None
    metric: str | None = None
    batch_size: int = 32
    device: str = "auto"
    threads: int = 0
