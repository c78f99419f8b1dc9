"""Scoring a trained classifier on a data directory."""

from __future__ import annotations

import dataclasses
from typing import Any

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
from asda.dataset.targets import MultiHot
from asda.distributed import end_process, start_process
from asda.features.normalization import Normalization
from asda.files import InputError
from asda.model.heads import ranking_scores
from asda.scoring.metrics import METRICS, is_single_label, measure
from asda.scoring.predict import predict
from asda.scoring.predictions import ScoredClips
from asda.scoring.result_files import write_results
from asda.scoring.score_config import ScoreConfig


def score(config: ScoreConfig) -> None:
    """Score every labelled clip and write the results to `config.out`."""
    process = start_process(config.device, config.threads)
    saved = read_model(config.model)
    model = load_head(saved).to(process.device)
    with refusing_damage(config.model):
        facts = _facts(config, saved)
    labels = MultiHot(DataDir(config.data), saved.labels)
    clips = _open(config, saved, labels)
    logits = torch.from_numpy(predict(model, clips, process, saved.output))
    if process.is_first:
        scores = ranking_scores(logits, saved.output).numpy()
        scored = ScoredClips(
            np.array(clips.utterances),
            scores,
            labels.matrix(clips.utterances),
            np.array(saved.labels),
        )
        metric = config.metric or _selection_metric(saved, scored)
        more = {"windows": _windows(clips, saved)} | _untrained(saved, scored)
        write_results(config.out, scored, facts, clips.expected, metric=metric, **more)
    end_process()


def _selection_metric(saved: SavedModel, scored: ScoredClips) -> str | None:
    """Return the metric that has chosen the model, if the scored clips have it."""
    metric = saved.facts.get("metric")
    if metric not in METRICS or (metric == "accuracy" and not is_single_label(scored.targets)):
        return None
    return str(metric)


def _windows(clips: Clips, saved: SavedModel) -> dict[str, Any]:
    """Return how many clips are longer than what the model takes at once, and what was done."""
    frames, shift = clips.config.max_frames, saved.fbank.get("frame_shift_ms")
    return {
        "longer": int(clips.longer.sum()),
        "max_frames": frames,
        "seconds": None if shift is None else frames * shift / 1000,
        "scored": clips.config.long_clips,
    }


def _untrained(saved: SavedModel, scored: ScoredClips) -> dict[str, Any]:
    """Return the classes without training clips, and the mAP of all others; {} without any."""
    names = saved.facts.get("untrained_classes")
    if not names:
        return {}
    trained = ~np.isin(scored.labels, names)
    others = measure(scored.scores[:, trained], scored.targets[:, trained])
    clips = int(scored.targets[:, ~trained].any(axis=1).sum())
    return {"untrained": {"classes": names, "clips": clips, "mAP_of_others": others["mAP"]}}


def load_head(saved: SavedModel) -> nn.Module:
    """Return the network of a fine-tuned model, in evaluation mode."""
    if saved.kind != "finetuned":
        raise InputError(f"{saved.path}: a pretrained model; fine-tune it before scoring (stage 4)")
    return saved.build()


def _open(config: ScoreConfig, saved: SavedModel, labels: MultiHot) -> Clips:
    data = build(DataConfig, saved.data, config.model)
    clips = open_clips(
        config.data,
        FeatureInput(config.dump, config.fbank),
        dataclasses.replace(data, batch_size=config.batch_size),
        Normalization(**saved.normalization),
        mel_bins=saved.config.mel_bins,
        targets=[labels],
    )
    found = clips.features.fbank_config()
    if found and saved.fbank and found != saved.fbank:
        keys = sorted(k for k in {*found, *saved.fbank} if found.get(k) != saved.fbank.get(k))
        raise InputError(
            f"{config.dump or config.data}: features differ from those {config.model} was trained"
            f" on ({', '.join(keys)}); dump with the same fbank configuration"
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
        "init": facts["init"],
        "trained on": facts["train"],
        "training clips": facts["clips"],
        "seed": facts["seed"],
        "selection": selection,
    }
