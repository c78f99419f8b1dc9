"""Scoring a trained classifier or recogniser on a data directory."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import nn

from asda.checkpoint.load import read_model
from asda.checkpoint.saved_model import SavedModel
from asda.checkpoint.schema import refusing_damage
from asda.configuration import build
from asda.corpus.datadir import DataDir
from asda.dataset.clips import Clips, open_clips
from asda.dataset.data_config import DataConfig
from asda.dataset.feature_sources import FeatureInput
from asda.dataset.targets import MultiHot, Target
from asda.decoding.decoding_config import DecodingConfig
from asda.distributed import Process, joined
from asda.features.fbank_config import differing_features
from asda.features.normalization import normalization_of
from asda.files import InputError
from asda.model.ctc_head import CtcHead
from asda.model.heads import ranking_scores
from asda.scoring.clip_tables import audio_files
from asda.scoring.predict import predict
from asda.scoring.predictions import ScoredClips
from asda.scoring.result_files import result_line, write_results
from asda.scoring.score_config import ScoreConfig
from asda.scoring.score_facts import selection_metric, untrained_classes, window_counts
from asda.scoring.score_recognition import Recogniser
from asda.scoring.scored_set import ScoredSet


class Found(NamedTuple):
    """What was measured of the clips of a data directory.

    Args:
        scored: the scores
        clips: the clips
        entries: arguments of write_results
        facts: further entries of the provenance
    """

    scored: ScoredSet
    clips: Clips
    entries: dict[str, Any]
    facts: dict[str, Any]


def score(config: ScoreConfig) -> None:
    """Score every clip with a known truth and write the results to `config.out`."""
    with joined(config.device, config.threads) as process:
        _score(config, process)


def _score(config: ScoreConfig, process: Process) -> None:
    """Score as one of the processes of a run."""
    saved = read_model(config.model)
    model = load_head(saved).to(process.device)
    with refusing_damage(config.model):
        facts = _facts(config, saved)
    measure = _recognised if saved.recognises_speech else _classified
    found = measure(config, saved, model, process)
    if process.is_first:
        result = write_results(
            config.out,
            found.scored,
            facts | found.facts,
            found.clips.expected,
            sources=audio_files(config.data),
            validation=_validation(saved.facts),
            **found.entries,
        )
        print(result_line(Path(config.out), result))


def _classified(
    config: ScoreConfig, saved: SavedModel, model: nn.Module, process: Process
) -> Found:
    if config.decoding != DecodingConfig():
        raise InputError(
            f"{saved.path}: a classifier, whose outputs are not decoded; leave out decoding"
        )
    labels = MultiHot(DataDir(config.data), saved.labels)
    clips = _open(config, saved, [labels])
    logits = torch.from_numpy(predict(model, clips, process, saved.output))
    scored = ScoredClips(
        np.array(clips.utterances),
        ranking_scores(logits, saved.output).numpy(),
        labels.matrix(clips.utterances),
        np.array(saved.labels),
        scale="log_probability" if saved.output == "softmax" else "logit",
    )
    entries = {
        "metric": config.metric or selection_metric(saved, scored),
        "windows": window_counts(clips, saved),
        **untrained_classes(saved.facts.get("untrained_classes", ()), scored),
    }
    return Found(scored, clips, entries, {})


def _recognised(
    config: ScoreConfig, saved: SavedModel, model: nn.Module, process: Process
) -> Found:
    recogniser = Recogniser(saved, cast(CtcHead, model), config.decoding)
    clips = _open(config, saved)
    references = recogniser.references(clips)
    entries = {
        "metric": config.metric or recogniser.selection_metric(),
        "windows": recogniser.windows(clips),
        **recogniser.unwritable(clips, references),
    }
    scored = recogniser.scored(clips, references, process)
    return Found(scored, clips, entries, recogniser.facts())


def _validation(facts: dict[str, Any]) -> dict[str, Any] | None:
    """Return the result on the validation set that the model was chosen on, if it was recorded."""
    if facts.get("metric_value") is None:
        return None
    return {"data": facts["valid"], "metric": facts["metric"], "value": facts["metric_value"]}


def load_head(saved: SavedModel) -> nn.Module:
    """Return the network of a fine-tuned model, in evaluation mode."""
    if saved.kind != "finetuned":
        raise InputError(f"{saved.path}: a pretrained model; fine-tune it before scoring (stage 4)")
    return saved.build()


def _open(config: ScoreConfig, saved: SavedModel, targets: Sequence[Target] = ()) -> Clips:
    data = build(DataConfig, saved.data, config.model)
    clips = open_clips(
        config.data,
        FeatureInput(config.dump, config.fbank, config.max_bad, config.out),
        dataclasses.replace(data, batch_size=config.batch_size),
        normalization_of(saved.normalization),
        mel_bins=saved.config.mel_bins,
        targets=targets,
    )
    found = differing_features(saved.fbank, clips.features.fbank_config())
    if found:
        raise InputError(
            f"{config.dump or config.data}: features differ from those {config.model} was trained"
            f" on ({'; '.join(found)}); dump with the same fbank configuration"
        )
    return clips


def _facts(config: ScoreConfig, saved: SavedModel) -> dict[str, Any]:
    facts = saved.facts
    known = {
        "data": config.data,
        "model": config.model,
        "updates": facts["updates"],
        "normalization": saved.normalization,
    }
    if "source" in facts:  # An imported model does not know how it was trained.
        return known | {"source": facts["source"]}
    selection = f"{facts['final']} of updates {facts['from_updates']}"
    if facts["metric"]:
        selection += f", {facts['metric']} on {facts['valid']}"
    return known | {
        "init": facts["init"] or "none: trained from scratch",
        "trained on": facts["train"],
        "training clips": facts["clips"],
        "seed": facts["seed"],
        "selection": selection,
    }
