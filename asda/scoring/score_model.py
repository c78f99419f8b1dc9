"""Scoring a trained classifier on a data directory."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from asda.checkpoint.load import read_model
from asda.checkpoint.saved_model import SavedModel
from asda.checkpoint.schema import refusing_damage
from asda.configuration import build
from asda.corpus.datadir import DataDir
from asda.dataset.clips import Clips, open_clips
from asda.dataset.data_config import DataConfig
from asda.dataset.feature_sources import FeatureInput
from asda.dataset.targets import MultiHot
from asda.distributed import end_process, start_process
from asda.features.fbank_config import differing_features
from asda.features.normalization import Normalization
from asda.files import InputError
from asda.model.heads import ranking_scores
from asda.scoring.clip_tables import audio_files
from asda.scoring.predict import predict
from asda.scoring.predictions import ScoredClips
from asda.scoring.result_files import result_line, write_results
from asda.scoring.score_config import ScoreConfig
from asda.scoring.score_facts import selection_metric, untrained_classes, window_counts


def score(config: ScoreConfig) -> None:
    """Score every labelled clip and write the results to `config.out`."""
    process = start_process(config.device, config.threads)
    saved = read_model(config.model)
    model = load_head(saved).to(process.device)
    with refusing_damage(config.model):
        facts = _facts(config, saved)
    labels = MultiHot(DataDir(config.data), saved.labels)
    clips = _open(config, saved, labels)
    sources = audio_files(config.data)
    logits = torch.from_numpy(predict(model, clips, process, saved.output))
    if process.is_first:
        scored = _scored(logits, saved, clips, labels)
        result = write_results(
            config.out,
            scored,
            facts,
            clips.expected,
            metric=config.metric or selection_metric(saved, scored),
            sources=sources,
            validation=_validation(saved.facts),
            windows=window_counts(clips, saved),
            **untrained_classes(saved.facts.get("untrained_classes", ()), scored),
        )
        print(result_line(Path(config.out), result))
    end_process()


def _scored(logits: Tensor, saved: SavedModel, clips: Clips, labels: MultiHot) -> ScoredClips:
    """Return the scores of clips from logits (clips, classes)."""
    return ScoredClips(
        np.array(clips.utterances),
        ranking_scores(logits, saved.output).numpy(),
        labels.matrix(clips.utterances),
        np.array(saved.labels),
        scale="log_probability" if saved.output == "softmax" else "logit",
    )


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


def _open(config: ScoreConfig, saved: SavedModel, labels: MultiHot) -> Clips:
    data = build(DataConfig, saved.data, config.model)
    clips = open_clips(
        config.data,
        FeatureInput(config.dump, config.fbank, config.max_bad, config.out),
        dataclasses.replace(data, batch_size=config.batch_size),
        Normalization(**saved.normalization),
        mel_bins=saved.config.mel_bins,
        targets=[labels],
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
