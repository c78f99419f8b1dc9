"""The data that a run is trained and validated on."""

from __future__ import annotations

from dataclasses import dataclass

from asda.dataset.feature_sources import FeatureInput
from asda.training.run_config import PretrainConfig, RunConfig


@dataclass
class RunInput:
    """The data of a corpus.

    Args:
        name: of the corpus; None = it is the only one
        train: data directory to train on
        valid: data directory for validation
        features: where the features of both come from
    """

    name: str | None
    train: str
    valid: str | None
    features: FeatureInput


def run_inputs(config: RunConfig) -> list[RunInput]:
    """Return the data of each corpus of a run."""
    own = config.dump, config.fbank
    if not isinstance(config, PretrainConfig) or not config.corpora:
        return [RunInput(None, config.train, config.valid, _features(config, *own))]
    places = {
        name: (corpus.dump, corpus.fbank) if corpus.dump or corpus.fbank else own
        for name, corpus in config.corpora.items()
    }
    # A dump is opened once.
    features = {place: _features(config, *place) for place in {*places.values()}}
    return [
        RunInput(name, corpus.train, corpus.valid, features[places[name]])
        for name, corpus in config.corpora.items()
    ]


def _features(config: RunConfig, dump: str | None, fbank: str | None) -> FeatureInput:
    return FeatureInput(dump, fbank, config.data.max_bad, config.exp)
