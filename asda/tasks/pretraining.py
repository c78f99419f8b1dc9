"""Pretraining: the student learns to predict its EMA teacher's features of masked patches."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from asda.checkpoint.saved_model import SavedModel, load_weights
from asda.corpus.datadir import DataDir
from asda.dataset.collate import Batch
from asda.dataset.loaders import scoring_loader
from asda.dataset.targets import Target, VisiblePatches
from asda.files import InputError
from asda.model.pretrainer import Pretrainer
from asda.training.run_config import PretrainConfig, TeacherConfig
from asda.training.task import Task

COLLAPSED_STD = 0.05  # targets are normalised: without collapse their std is near 1


def teacher_decay(update: int, config: TeacherConfig) -> float:
    """Return the decay of the EMA teacher after `update` updates.

    Linear from `decay` to `end_decay` over `anneal_updates`, then constant
    (docs/algorithm.md#ema-teacher).
    """
    left = max(0.0, 1 - update / config.anneal_updates)
    return config.end_decay - (config.end_decay - config.decay) * left


class PretrainTask(Task[PretrainConfig]):
    """Masked prediction of an EMA teacher's features."""

    verb = "pretrain"
    model: Pretrainer

    @classmethod
    def ranks(cls, config: PretrainConfig) -> bool:
        """Losses of different updates are not comparable, since the teacher changes."""
        return False

    def build_model(self, init: SavedModel | None) -> Pretrainer:
        model = Pretrainer(self.model_config)
        if init:
            if init.kind != "pretrained":
                raise InputError(
                    f"{init.path}: a {init.kind} model; pretraining continues from a pretrained"
                    " one, with student, teacher and decoder"
                )
            load_weights(model, init.weights, init.path)
        return model

    def targets(self, directory: DataDir) -> Sequence[Target]:
        return [VisiblePatches(self.model_config)]

    def before_update(self, update: int) -> None:
        """Move the EMA teacher towards the student of the last update."""
        if update > 0:
            self.model.update_teacher(teacher_decay(update, self.config.teacher))

    def loss(self, model: nn.Module, batch: Batch, seed: int) -> tuple[Tensor, dict[str, Tensor]]:
        output = model(batch.features, batch.extras[VisiblePatches.name], batch.num_frames)
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

        If the CLS loss is a sum over the clips of a batch, it is scaled to a full batch.
        """
        if self.validation is None:
            return {}
        torch.manual_seed(self.config.training.seed)
        total: dict[str, float] = {}
        clips = 0
        for batch in scoring_loader(self.validation):
            _, stats = self.loss(self.model, batch.to(self.process.device), 0)
            size = len(batch.utterances)
            if self.config.model.cls_reduction == "sum":
                stats["cls_loss"] = stats["cls_loss"] * self.config.data.batch_size / size
            stats["loss"] = stats["frame_loss"] + stats["cls_loss"]
            total = {key: total.get(key, 0.0) + float(v) * size for key, v in stats.items()}
            clips += size
        return {key: value / clips for key, value in total.items()}
