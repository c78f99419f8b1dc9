"""Pretraining: an encoder learns to predict its teacher's features at masked patches."""

from __future__ import annotations

import logging
from typing import Any

import torch
from torch import Tensor, nn

from asda.checkpoint.load import read_model
from asda.checkpoint.saved_model import SavedModel, load_weights
from asda.configuration import to_dict
from asda.dataset.clips import Clips, open_clips
from asda.dataset.collate import Batch
from asda.dataset.data_config import AugmentConfig
from asda.dataset.loaders import scoring_loader
from asda.dataset.targets import VisiblePatches
from asda.distributed import Process, end_process, start_process
from asda.features.normalization import Normalization
from asda.model.pretrainer import Pretrainer
from asda.provenance import environment
from asda.training.experiment import Experiment, check_ranking, resolved
from asda.training.input_digests import check_inputs
from asda.training.loop import Task, train
from asda.training.run_config import PretrainConfig, TeacherConfig

log = logging.getLogger(__name__)
COLLAPSED_STD = 0.05  # targets have a deviation near 1 over channels


def pretrain(config: PretrainConfig) -> None:
    """Run, or continue, one pretraining experiment; write its model.pt."""
    config = resolved(config)
    check_ranking(config.training, ranked=False)
    process = start_process(config.training.device, config.training.threads)
    experiment = Experiment(config, "pretrain", process)
    check_inputs(experiment, labelled=False)
    if experiment.model.exists():
        log.info("%s is complete", experiment.model)
    else:
        task = PretrainTask(config, process)
        train(task, config.optimizer, config.training, experiment, process)
    end_process()


def teacher_decay(update: int, config: TeacherConfig) -> float:
    """Return the share of the teacher that stays in the step after `update` updates.

    Linear from `decay` to `end_decay` over `anneal_updates`, then constant (algorithm.md 7.3).
    """
    left = max(0.0, 1 - update / config.anneal_updates)
    return config.end_decay - (config.end_decay - config.decay) * left


class PretrainTask(Task):
    """Student, teacher and clips with masks, as the loop wants them."""

    def __init__(self, config: PretrainConfig, process: Process):
        self.config = config
        self.process = process
        torch.manual_seed(config.training.seed)
        self.model = Pretrainer(config.model)
        if config.init:
            saved = read_model(config.init)
            load_weights(self.model, saved.weights, config.init)
        self.features = config.features
        self.clips = self._open(config.train, config.augment)
        self.validation = None
        if config.valid:
            self.validation = self._open(config.valid, None, self.clips.normalization)

    def _open(
        self,
        directory: str,
        augment: AugmentConfig | None,
        normalization: Normalization | None = None,
    ) -> Clips:
        return open_clips(
            directory,
            self.features,
            self.config.data,
            normalization,
            augment=augment,
            mel_bins=self.config.model.mel_bins,
            targets=[VisiblePatches(self.config.model)],
            seed=self.config.training.seed,
        )

    def before_update(self, update: int) -> None:
        if update > 0:
            self.model.update_teacher(teacher_decay(update, self.config.teacher))

    def loss(self, model: nn.Module, batch: Batch, seed: int) -> tuple[Tensor, dict[str, Tensor]]:
        output = model(batch.features, batch.extras["visible"], batch.num_frames)
        return output.loss, {
            "frame_loss": output.frame_loss,
            "cls_loss": output.cls_loss,
            "prediction_std": output.prediction_std,
            "target_std": output.target_std,
        }

    def warning(self, stats: dict[str, float]) -> str | None:
        collapsed = [
            f"{name} {stats[name]:.2g}"
            for name in ("target_std", "prediction_std")
            if stats[name] < COLLAPSED_STD
        ]
        if not collapsed:
            return None
        return (
            f"the features have collapsed to a constant ({', '.join(collapsed)}): lower "
            "optimizer.lr, or raise teacher.decay or optimizer.warmup"
        )

    def evaluate(self) -> dict[str, float]:
        """Return the mean losses of the validation clips, with the same masks every time.

        Where the CLS loss is a sum over the clips of a batch, it is that of a whole batch.
        """
        if self.validation is None:
            return {}
        torch.manual_seed(self.config.training.seed)
        total, clips = {}, 0
        for batch in scoring_loader(self.validation):
            _, stats = self.loss(self.model, batch.to(self.process.device), 0)
            size = len(batch.utterances)
            if self.config.model.cls_reduction == "sum":
                stats["cls_loss"] = stats["cls_loss"] * self.config.data.batch_size / size
            stats["loss"] = stats["frame_loss"] + stats["cls_loss"]
            total = {key: total.get(key, 0.0) + float(v) * size for key, v in stats.items()}
            clips += size
        return {key: value / clips for key, value in total.items()}

    def package(self, weights: dict[str, Tensor], facts: dict[str, Any]) -> dict[str, Any]:
        return SavedModel(
            kind="pretrained",
            model=to_dict(self.config.model),
            weights=weights,
            normalization=vars(self.clips.normalization),
            fbank=self.clips.features.fbank_config(),
            data=to_dict(self.config.data),
            facts=facts | {"train": self.config.train, "clips": len(self.clips)} | environment(),
        ).content()
