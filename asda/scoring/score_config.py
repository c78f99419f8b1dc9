"""What is scored (typed configuration, no torch import)."""

from __future__ import annotations

from dataclasses import dataclass

from asda.configuration import MOST_THREADS


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

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, not {self.batch_size}")
        if not 0 <= self.threads <= MOST_THREADS:
            raise ValueError(f"threads must be from 0 to {MOST_THREADS}, not {self.threads}")


@dataclass
class BaselineConfig:
    """Train plain classifiers on band statistics of one data directory and score another.

    Logistic regression (standardised) and a random forest of 500 trees see the mean and the
    standard deviation of each mel band over the frames of a clip. Both are fixed beforehand:
    nothing is chosen on the test set.

    Args:
        train: data directory to train on
        test: data directory to score
        out: experiment folder: out/logistic_regression/score and out/random_forest/score
        dump: dump that holds the features of both (null = each directory's own feats.scp)
    """

    train: str
    test: str
    out: str
    dump: str | None = None
