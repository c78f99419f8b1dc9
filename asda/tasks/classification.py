"""Classification: fine-tune a pretrained encoder, probe a frozen one, or train from scratch."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from asda.checkpoint.saved_model import SavedModel
from asda.corpus.datadir import DataDir
from asda.dataset.augment import mask_stripes, mixup
from asda.dataset.collate import Batch
from asda.dataset.targets import MultiHot, Target
from asda.model.classifier import Classifier
from asda.model.heads import Head, ranking_scores
from asda.scoring.metrics import measure
from asda.scoring.predict import predict
from asda.training.run_config import ClassifierConfig, FinetuneConfig
from asda.training.task import Task


class ClassificationTask(Task[FinetuneConfig]):
    """A classifier trained on labelled clips."""

    verb = "finetune"
    labelled = True
    higher_is_better = True

    def build_model(self, init: SavedModel | None) -> Head:
        config = self.config.classifier
        self.labels = DataDir(self.config.train).labels
        self.head = {"name": Classifier.name, "pooling": config.pooling, "layers": config.layers}
        softmax = config.loss == "cross_entropy"
        self.output = "softmax" if softmax else "sigmoid"
        if self.config.valid:
            self.metric = config.metric or ("accuracy" if softmax else "mAP")
        classifier = self.build_head(init, config.encoder, config.drop_path)
        if config.freeze_encoder:
            classifier.freeze_encoder()
        return classifier

    def targets(self, directory: DataDir) -> Sequence[Target]:
        return [MultiHot(directory, self.labels)]

    def loss(self, model: nn.Module, batch: Batch, seed: int) -> tuple[Tensor, dict[str, Tensor]]:
        rng = np.random.default_rng((seed, self.process.rank))
        labels = batch.extras[MultiHot.name]
        features, targets, partners = mixup(batch.features, labels, self.config.augment, rng)
        num_frames = batch.num_frames
        if num_frames is not None and partners is not None:
            num_frames = torch.maximum(num_frames, num_frames[partners])
        features = mask_stripes(features, num_frames, self.config.augment)
        logits = model(features, num_frames)
        return classification_loss(logits.float(), targets, self.config.classifier), {}

    def evaluate(self) -> dict[str, float]:
        if self.validation is None or self.metric is None:
            return {}
        logits = torch.from_numpy(predict(self.model, self.validation, self.process))
        labels = next(t for t in self.validation.targets if isinstance(t, MultiHot))
        targets = labels.matrix(self.validation.utterances)
        unsmoothed = dataclasses.replace(self.config.classifier, label_smoothing=0.0)
        loss = classification_loss(logits, torch.from_numpy(targets).float(), unsmoothed)
        values = measure(ranking_scores(logits, self.output).numpy(), targets)
        return {"loss": float(loss), self.metric: values[self.metric]}

    def facts(self) -> dict[str, Any]:
        return {"loss": self.config.classifier.loss}


def classification_loss(logits: Tensor, targets: Tensor, config: ClassifierConfig) -> Tensor:
    """Return the loss of a batch (docs/algorithm.md#classification-loss).

    Args:
        logits: (batch, classes) float32
        targets: (batch, classes) multi-hot, or mixed by mixup
        config: loss, label smoothing and reduction
    """
    if config.loss == "bce":
        total = F.binary_cross_entropy_with_logits(logits, targets, reduction="sum")
    else:
        smoothing = config.label_smoothing
        smoothed = targets * (1 - smoothing) + smoothing / targets.shape[1]
        total = -(smoothed * logits.log_softmax(-1)).sum()
    return total / (len(targets) if config.loss_reduction == "clips" else targets.sum())
