"""Fine-tuning: a classifier on a pretrained encoder, on a new one, or on a frozen one."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from asda import configuration
from asda.checkpoint.load import read_model
from asda.checkpoint.saved_model import SavedModel, encoder_weights, load_weights
from asda.corpus.datadir import DataDir
from asda.dataset.augment import mask_stripes, mixup
from asda.dataset.clips import open_clips
from asda.dataset.collate import Batch
from asda.dataset.targets import MultiHot
from asda.distributed import Process, end_process, start_process
from asda.model.classifier import Classifier
from asda.model.model_config import ModelConfig
from asda.provenance import environment
from asda.scoring.metrics import measure
from asda.scoring.predict import predict
from asda.training.experiment import Experiment, check_ranking, differences, resolved
from asda.training.input_digests import check_inputs
from asda.training.loop import Task, train
from asda.training.run_config import ClassifierConfig, FinetuneConfig

log = logging.getLogger(__name__)


def finetune(config: FinetuneConfig) -> None:
    """Run, or continue, one fine-tuning experiment; write its model.pt."""
    process = start_process(config.training.device, config.training.threads)
    saved = read_model(config.init) if config.init else None
    idle = []
    if saved:
        used = saved.model_config(config.init)
        idle = _differing(config.model, used)
        config.model = used
    config = resolved(config)
    check_ranking(config.training, ranked=config.valid is not None)
    experiment = Experiment(config, "finetune", process)
    check_inputs(experiment, labelled=True)
    if idle and process.is_first:
        log.warning("the model is that of %s: %s", config.init, "; ".join(idle))
    if experiment.model.exists():
        log.info("%s is complete", experiment.model)
    else:
        task = FinetuneTask(config, process, saved)
        train(task, config.optimizer, config.training, experiment, process)
    end_process()


def _differing(given: ModelConfig, used: ModelConfig) -> list[str]:
    """Return the settings, other than defaults, that differ from those that are used."""
    default, first, second = map(configuration.to_dict, (ModelConfig(), given, used))
    chosen = differences(default, first, "model.")
    changes = differences(first, second, "model.")
    return [change for name, change in changes.items() if name in chosen]


class FinetuneTask(Task):
    """Classifier and labelled clips, as the loop wants them."""

    higher_is_better = True

    def __init__(self, config: FinetuneConfig, process: Process, saved: SavedModel | None):
        self.config = config
        self.process = process
        self.labels = DataDir(config.train).labels
        self.model = self._classifier(config.model, config.classifier, saved)
        self.features = config.features
        self.clips = self._open(config.train, augment=config.augment, seed=config.training.seed)
        self.validation = None
        if config.valid:
            self.validation = self._open(config.valid, normalization=self.clips.normalization)
        self.softmax = config.classifier.loss == "cross_entropy"
        if self.validation:
            self.metric = config.classifier.metric or ("accuracy" if self.softmax else "mAP")

    def _classifier(
        self, model: ModelConfig, head: ClassifierConfig, saved: SavedModel | None
    ) -> Classifier:
        torch.manual_seed(self.config.training.seed)
        classifier = Classifier(model, len(self.labels), head.pooling, head.layers, head.drop_path)
        if saved:
            weights = encoder_weights(saved, head.encoder, self.config.init)
            load_weights(classifier.encoder, weights, self.config.init)
        if head.freeze_encoder:
            classifier.freeze_encoder()
        return classifier

    def _open(self, directory: str, normalization=None, **options):
        config = self.config
        return open_clips(
            directory,
            self.features,
            config.data,
            normalization,
            mel_bins=config.model.mel_bins,
            targets=[MultiHot(DataDir(directory), self.labels)],
            **options,
        )

    def loss(self, model: nn.Module, batch: Batch, seed: int) -> tuple[Tensor, dict[str, Tensor]]:
        rng = np.random.default_rng((seed, self.process.rank))
        features, targets, partners = mixup(
            batch.features, batch.extras["labels"], self.config.augment, rng
        )
        num_frames = batch.num_frames
        if num_frames is not None and partners is not None:
            num_frames = torch.maximum(num_frames, num_frames[partners])
        features = mask_stripes(features, num_frames, self.config.augment)
        logits = model(features, num_frames)
        return classification_loss(logits.float(), targets, self.config.classifier), {}

    def evaluate(self) -> dict[str, float]:
        if self.validation is None:
            return {}
        logits = torch.from_numpy(predict(self.model, self.validation, self.process))
        [labels] = self.validation.targets
        targets = labels.matrix(self.validation.utterances)
        head = dataclasses.replace(self.config.classifier, label_smoothing=0.0)
        loss = classification_loss(logits, torch.from_numpy(targets).float(), head)
        values = measure(
            logits.log_softmax(-1).numpy() if self.softmax else logits.numpy(), targets
        )
        return {"loss": float(loss), self.metric: values[self.metric]}

    def package(self, weights: dict[str, Tensor], facts: dict[str, Any]) -> dict[str, Any]:
        head = self.config.classifier
        return SavedModel(
            kind="classifier",
            model=configuration.to_dict(self.config.model),
            weights=weights,
            normalization=vars(self.clips.normalization),
            fbank=self.clips.features.fbank_config(),
            data=configuration.to_dict(self.config.data),
            labels=self.labels,
            head={"pooling": head.pooling, "layers": head.layers},
            facts=facts
            | {"train": self.config.train, "valid": self.config.valid, "init": self.config.init}
            | {"clips": len(self.clips), "loss": head.loss}
            | environment(),
        ).content()


def classification_loss(logits: Tensor, targets: Tensor, config: ClassifierConfig) -> Tensor:
    """Return the loss of logits (batch, classes) against multi-hot or mixed targets.

    (algorithm.md 12.3)
    """
    if config.loss == "bce":
        total = F.binary_cross_entropy_with_logits(logits, targets, reduction="sum")
    else:
        smooth = config.label_smoothing
        targets_smoothed = targets * (1 - smooth) + smooth / targets.shape[1]
        total = -(targets_smoothed * logits.log_softmax(-1)).sum()
    return total / (len(targets) if config.loss_reduction == "clips" else targets.sum())
