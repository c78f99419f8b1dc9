"""Pretraining: the student learns to predict its EMA teacher's features of masked patches."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from asda.checkpoint.saved_model import SavedModel, load_weights
from asda.configuration import differences, is_below, to_dict
from asda.corpus.datadir import DataDir
from asda.dataset.clips import Clips
from asda.dataset.collate import Batch
from asda.dataset.loaders import Loader, scoring_loader
from asda.dataset.mixture import CorpusNumber
from asda.dataset.targets import Target, VisiblePatches
from asda.distributed import Process, relative_size
from asda.files import InputError
from asda.model.model_config import ResolvedModel
from asda.model.pretrainer import Pretrainer, PretrainOutput
from asda.tasks.joint_corpora import JointCorpora
from asda.training.initial_model import OBJECTIVE, with_objective
from asda.training.run_config import PretrainConfig, TeacherConfig
from asda.training.task import Task

log = logging.getLogger(__name__)
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
    joint: JointCorpora | None = None

    def __init__(self, config: PretrainConfig, process: Process, init: SavedModel | None = None):
        super().__init__(config, process, init)
        if config.corpora:
            self.joint = JointCorpora(config, self.opened)

    @classmethod
    def ranks(cls, config: PretrainConfig) -> bool:
        """Losses of different updates are not comparable, since the teacher changes."""
        return False

    @classmethod
    def continued(
        cls, config: PretrainConfig, model: ResolvedModel, differing: Mapping[str, str]
    ) -> tuple[ResolvedModel, list[str]]:
        """Weights fix the network; what it learns from can be changed (`OBJECTIVE`)."""
        changed = {key: text for key, text in differing.items() if is_below(key, OBJECTIVE)}
        fixed = {key: text for key, text in differing.items() if key not in changed}
        _, notes = super().continued(config, model, fixed)
        if changed:
            model, before = with_objective(config.model, model, changed), model
            texts = differences(to_dict(before), to_dict(model), "model.")
            notes.append(f"not as in {config.init}: {'; '.join(texts.values())}")
        return model, notes

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

    def corpus_targets(self, number: int, directory: DataDir) -> Sequence[Target]:
        numbered = [CorpusNumber(number)] if self.config.corpora else []
        return [*self.targets(directory), *numbered]

    def log_choices(self, given: PretrainConfig) -> None:
        if self.joint:
            log.info("corpora: %s", self.joint.described())
        super().log_choices(given)

    def loader(self, start: int) -> Loader:
        return self.joint.loader(self.process, start) if self.joint else super().loader(start)

    def before_update(self, update: int) -> None:
        """Move the EMA teacher towards the student of the last update."""
        if update > 0:
            self.model.update_teacher(teacher_decay(update, self.config.teacher))

    def loss(self, model: nn.Module, batch: Batch, seed: int) -> tuple[Tensor, dict[str, Tensor]]:
        output = self._output(model, batch)
        # Batches of short clips have fewer patches than those of other processes.
        frame_loss = output.frame_loss * relative_size(output.num_targets)
        output = dataclasses.replace(output, frame_loss=frame_loss)
        further = self.joint.numbers(batch, output.loss) if self.joint else {}
        return output.loss, output.numbers() | further

    def _output(self, model: nn.Module, batch: Batch) -> PretrainOutput:
        output: PretrainOutput = model(
            batch.features, batch.extras[VisiblePatches.name], batch.num_frames
        )
        return output

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
        """Return the mean losses of the validation clips, with the same masks every time."""
        if self.joint:
            return self.joint.evaluate(self._measure)
        return self._measure(self.validation) if self.validation else {}

    def _measure(self, validation: Clips) -> dict[str, float]:
        """Return the mean losses of a validation set.

        If the CLS loss is a sum over the clips of a batch, it is scaled to a full batch.
        """
        torch.manual_seed(self.config.training.seed)
        total: dict[str, float] = {}
        clips = 0
        for batch in scoring_loader(validation):
            stats = self._output(self.model, batch.to(self.process.device)).numbers()
            size = len(batch.utterances)
            if self.config.model.cls_reduction == "sum":
                stats["cls_loss"] = stats["cls_loss"] * self.config.data.batch_size / size
            stats["loss"] = stats["frame_loss"] + stats["cls_loss"]
            total = {key: total.get(key, 0.0) + float(v) * size for key, v in stats.items()}
            clips += size
        return {key: value / clips for key, value in total.items()}

    def summarised(self, means: dict[str, float], batches: int) -> dict[str, float]:
        if self.joint is None:
            return means
        counts = self.joint.clip_counts(batches, self.process.world_size)
        return self.joint.summarised(means) | counts

    def facts(self) -> dict[str, Any]:
        if self.joint is None:
            return {}
        corpora = self.joint.facts()
        return {"corpora": corpora, "clips": sum(c["clips"] for c in corpora.values())}
