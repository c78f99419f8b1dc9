"""Classification: fine-tune a pretrained encoder, probe a frozen one, or train from scratch."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from asda.checkpoint.saved_model import SavedModel
from asda.corpus.datadir import DataDir
from asda.dataset.augment import mask_stripes, mixup
from asda.dataset.clips import Clips
from asda.dataset.collate import Batch
from asda.dataset.targets import MultiHot, Target
from asda.distributed import Process, mean_count
from asda.files import listed
from asda.model.classifier import Classifier
from asda.model.heads import Head, ranking_scores
from asda.scoring.metrics import measure
from asda.scoring.predict import predict
from asda.tasks.label_choices import decided_classifier
from asda.training.run_config import ClassifierConfig, FinetuneConfig
from asda.training.task import Task

log = logging.getLogger(__name__)


class ClassificationTask(Task[FinetuneConfig]):
    """A classifier trained on labelled clips."""

    verb = "finetune"
    truth = frozenset({"labels"})
    higher_is_better = True

    @classmethod
    def decided(
        cls, config: FinetuneConfig, process: Process, begun: FinetuneConfig | None
    ) -> FinetuneConfig:
        classifier = decided_classifier(config, begun)
        config = dataclasses.replace(config, classifier=classifier)
        return super().decided(config, process, begun)

    def log_choices(self, given: FinetuneConfig) -> None:
        counts = self.training_clips()
        settings = self.config.classifier
        log.info(clips_per_class(counts))
        choice = (self._labels_per_clip(), settings.loss, settings.metric)
        log.info("%s: loss %s, metric %s", *choice)
        if untrained := [label for label, clips in counts.items() if not clips]:
            log.warning(
                "%d of %d classes have no training clips and cannot be recognised: %s",
                len(untrained),
                len(counts),
                listed(untrained),
            )
        super().log_choices(given)

    def training_clips(self) -> dict[str, int]:
        """Return the number of training clips of each class."""
        clips = multi_hot(self.clips).count(self.clips.utterances)
        return dict(zip(self.labels, clips.tolist(), strict=True))

    def _labels_per_clip(self) -> str:
        sets = [self.clips, self.validation] if self.validation else [self.clips]
        numbers = [len(multi_hot(c).classes[u]) for c in sets for u in c.utterances]
        several, none = sum(number > 1 for number in numbers), numbers.count(0)
        if not several and not none:
            return "one label per clip"
        parts = {"several labels": several, "no label": none}
        shown = " and ".join(f"{count} with {what}" for what, count in parts.items() if count)
        return f"of {len(numbers)} clips {shown}"

    def build_model(self, init: SavedModel | None) -> Head:
        config = self.config.classifier
        self.labels = DataDir(self.config.train).labels
        self.head = {"name": Classifier.name, "pooling": config.pooling, "layers": config.layers}
        softmax = config.loss == "cross_entropy"
        self.output = "softmax" if softmax else "sigmoid"
        if self.config.valid:
            self.metric = config.metric
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
        total, terms = summed_loss(logits.float(), targets, self.config.classifier)
        # Batches of other processes have other numbers of labels, or of clips.
        return total / mean_count(terms), {}

    def evaluate(self) -> dict[str, float]:
        if self.validation is None or self.metric is None:
            return {}
        logits = torch.from_numpy(predict(self.model, self.validation, self.process, self.output))
        targets = multi_hot(self.validation).matrix(self.validation.utterances)
        unsmoothed = dataclasses.replace(self.config.classifier, label_smoothing=0.0)
        loss = classification_loss(logits, torch.from_numpy(targets).float(), unsmoothed)
        values = measure(ranking_scores(logits, self.output).numpy(), targets)
        return {"loss": float(loss), self.metric: values[self.metric]}

    def facts(self) -> dict[str, Any]:
        untrained = [label for label, clips in self.training_clips().items() if not clips]
        loss = {"loss": self.config.classifier.loss}
        return loss | ({"untrained_classes": untrained} if untrained else {})


def multi_hot(clips: Clips) -> MultiHot:
    """Return the target of labelled clips that knows their classes."""
    return next(target for target in clips.targets if isinstance(target, MultiHot))


def clips_per_class(counts: Mapping[str, int]) -> str:
    """Return the smallest and the largest class as "6 classes of 1 (a) to 134 (b) clips"."""
    fewest, most = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    if counts[fewest] == counts[most]:
        return f"{len(counts)} classes of {counts[most]} training clips"
    smallest, largest = f"{counts[fewest]} ({fewest})", f"{counts[most]} ({most})"
    return f"{len(counts)} classes of {smallest} to {largest} training clips"


def classification_loss(logits: Tensor, targets: Tensor, config: ClassifierConfig) -> Tensor:
    """Return the loss of a batch (docs/algorithm.md#classification-loss), 0-d.

    Args:
        logits: (batch, classes) float32
        targets: (batch, classes) multi-hot, or mixed by mixup
        config: loss, label smoothing and reduction
    """
    total, terms = summed_loss(logits, targets, config)
    # Clips without a label are legal, and so is a batch of them.
    return total / terms.clamp(min=1)


def summed_loss(logits: Tensor, targets: Tensor, config: ClassifierConfig) -> tuple[Tensor, Tensor]:
    """Return the loss of a batch before its reduction, and the number of clips or labels, 0-d each.

    Args:
        logits, targets, config: as for `classification_loss`
    """
    if config.loss == "bce":
        total = F.binary_cross_entropy_with_logits(logits, targets, reduction="sum")
    else:
        smoothing = config.label_smoothing
        smoothed = targets * (1 - smoothing) + smoothing / targets.shape[1]
        total = -(smoothed * logits.log_softmax(-1)).sum()
    if config.loss_reduction == "clips":
        return total, total.new_full((), len(targets))
    return total, targets.sum()
