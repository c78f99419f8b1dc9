"""Settings of `asda probe` (typed configuration, no torch import)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from asda.configuration import MOST_THREADS, check_fraction
from asda.unread_settings import not_with, only_with

KINDS = ("linear", "attentive", "knn", "prototype")
OF_TOKENS = ("attentive", "prototype")  # they see every token, the others one vector per clip
OF_VECTORS = tuple(kind for kind in KINDS if kind not in OF_TOKENS)
ALL = "all"


@dataclass
class ProbeConfig:
    """Evaluate a frozen encoder by small classifiers (probes) on its embeddings.

    Embeddings are computed from audio once and kept in a cache. Settings of the probes are chosen
    on the validation set or, without one, on a fifth of the training clips; never on the test set.

    Args:
        model: model file or name (`asda models`), with or without a classifier; it may be the first
            word of the command
        train: data directory to train the probes on
        test: data directory to score
        out: experiment folder; the results of each probe go to out/PROBE/score
        valid: data directory to choose settings on (null = a fifth of the training clips, by class)
        kinds: probes to train: one or several of linear, attentive, knn and prototype
        pooling: how the tokens of a layer become the one vector that linear and knn see: "cls",
            "mean" or "statistics" (null = as in the classifier of the model; the mean for an
            encoder without one)
        layers: numbers of the layers to probe, e.g. "3,6"; 0 = the patch embeddings, -1 = the last
            block. linear, attentive and knn concatenate several layers, prototype learns a weight
            for each (null = the last block; for prototype all blocks)
        prototypes: number of prototypes (null = 20 per class, at most 10,000)
        label_counts: numbers of training clips per class, for a learning curve, e.g. "5 10 20 all";
            "all" is always among them
        draws: number of random draws of each label count
        encoder: which encoder of a pretrained model is probed, the student or its EMA teacher
        normalization: mean and standard deviation by which features are normalised: those stored in
            the "model", or those of the features of `train`, as in fine-tuning; choose "train" to
            compare models of different corpora, or models of several corpora
        cache: folder of the cached embeddings (null = out/cache)
        cache_limit: largest size in GB of the cached embeddings of one data directory
        max_bad: largest fraction of the clips of a data directory that may be unusable; they are
            listed in out/bad_utterances
        seed: random seed of the probes' weights, of the clips held out and of the draws
        device: "cpu", "cuda" or "auto" (a GPU if one is available)
        threads: CPU threads (0 = all cores)
    """

    model: str
    train: str
    test: str
    out: str
    valid: str | None = None
    kinds: str = " ".join(KINDS)
    pooling: Literal["cls", "mean", "statistics"] | None = only_with(None, kinds=OF_VECTORS)
    layers: str | None = None
    prototypes: int | None = only_with(None, kinds="prototype")
    label_counts: str = ALL
    draws: int = not_with(5, label_counts=ALL)
    encoder: Literal["student", "teacher"] = "student"
    normalization: Literal["model", "train"] = "model"
    cache: str | None = None
    cache_limit: float = 4.0
    max_bad: float = 0.05
    seed: int = 0
    device: str = "auto"
    threads: int = 0

    def __post_init__(self) -> None:
        check_fraction("max_bad", self.max_bad)
        if not 0 <= self.threads <= MOST_THREADS:
            raise ValueError(f"threads must be from 0 to {MOST_THREADS}, not {self.threads}")
        for name in ("draws", "prototypes"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, not {self.seed}")
        unknown = [kind for kind in self.kind_list if kind not in KINDS]
        if unknown or not self.kind_list:
            raise ValueError(f"kinds must be of {', '.join(KINDS)}, not '{self.kinds}'")
        _ = self.layer_list, self.counts  # refuses what is no number

    @property
    def kind_list(self) -> list[str]:
        """The probes in their order, each once."""
        return list(dict.fromkeys(_words(self.kinds)))

    @property
    def layer_list(self) -> list[int] | None:
        """The layers as they were given, None if they were not."""
        if self.layers is None:
            return None
        return _numbers("layers", _words(self.layers))

    @property
    def counts(self) -> list[int]:
        """Training clips per class on the learning curve, in rising order, without "all"."""
        counts = _numbers("label_counts", [n for n in _words(self.label_counts) if n != ALL])
        if any(count < 1 for count in counts):
            raise ValueError(f"label_counts must be at least 1 or all, not '{self.label_counts}'")
        return sorted(set(counts))


def _words(value: str) -> list[str]:
    """Return the words of a setting, between spaces or commas."""
    return value.replace(",", " ").split()


def _numbers(name: str, words: list[str]) -> list[int]:
    try:
        return [int(word) for word in words]
    except ValueError:
        raise ValueError(f"{name} must be whole numbers, not '{' '.join(words)}'") from None
