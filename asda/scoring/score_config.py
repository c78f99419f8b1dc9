"""Settings of `asda score` and `asda baseline` (typed configuration, no torch import)."""

from __future__ import annotations

from dataclasses import dataclass, field

from asda.configuration import MOST_THREADS, check_fraction
from asda.decoding.decoding_config import DecodingConfig
from asda.unread_settings import not_with, only_with


@dataclass
class ScoreConfig:
    """Score a trained classifier or recogniser on a data directory.

    Args:
        model: model.pt of a fine-tuning experiment, or the name of a model (`asda models`)
        data: data directory to score, with utt2label, or with text if the model recognises speech
        out: score folder to write: RESULTS.md, result.json, scores.npz and further tables
        dump: folder with the features (feats.scp) of the directory (null = the directory has its
            own)
        fbank: feature configuration (YAML file), by which features are computed from audio, without
            a dump
        max_bad: largest fraction of the clips that may be unusable when features are computed from
            audio; they are listed in `bad_utterances` of the score folder
        metric: metric by which results are ranked (null = the one by which the model was chosen; if
            there is none, WER for recognition, else accuracy if every clip has one label, else mAP)
        decoding: how a recogniser's outputs become text
        batch_size: clips per batch
        device: "cpu", "cuda" or "auto" (a GPU if one is available)
        threads: CPU threads (0 = all cores)
    """

    model: str
    data: str
    out: str
    dump: str | None = only_with(None, fbank=None)
    fbank: str | None = None
    max_bad: float = not_with(0.05, fbank=None)
    metric: str | None = None
    decoding: DecodingConfig = field(default_factory=DecodingConfig)
    batch_size: int = 32
    device: str = "auto"
    threads: int = 0

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, not {self.batch_size}")
        check_fraction("max_bad", self.max_bad)
        if not 0 <= self.threads <= MOST_THREADS:
            raise ValueError(f"threads must be from 0 to {MOST_THREADS}, not {self.threads}")


@dataclass
class BaselineConfig:
    """Train baselines on band statistics of one data directory and score another.

    The baselines are logistic regression, on standardised features, and a random forest of 500
    trees. Their features are the mean and the standard deviation of each mel band over the frames
    of a clip. All their settings are fixed in advance; nothing is chosen on the test set.

    Args:
        train: data directory to train on
        test: data directory to score
        out: experiment folder; the results go to out/logistic_regression/score and
            out/random_forest/score
        dump: folder with the features (feats.scp) of all these directories (null = each directory
            has its own)
        fbank: feature configuration (YAML file), by which features are computed from audio, without
            a dump
        max_bad: largest fraction of the clips of a directory that may be unusable when features are
            computed from audio; they are listed in out/bad_utterances
        valid: data directory whose result is reported beside that of `test` (null = none)
        limit: largest number of training clips, or, if clips have several labels, of training clips
            times classes; above it no baseline is trained, and a line says so (0 = no limit)
    """

    train: str
    test: str
    out: str
    dump: str | None = only_with(None, fbank=None)
    fbank: str | None = None
    max_bad: float = not_with(0.05, fbank=None)
    valid: str | None = None
    limit: int = 0

    def __post_init__(self) -> None:
        check_fraction("max_bad", self.max_bad)
        if self.limit < 0:
            raise ValueError(f"limit must be at least 0, not {self.limit}")
