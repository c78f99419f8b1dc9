"""Recognition: train a CTC head on a pretrained encoder, or from scratch."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from asda.checkpoint.saved_model import SavedModel
from asda.corpus.datadir import DataDir
from asda.dataset.augment import mask_stripes
from asda.dataset.clips import Clips
from asda.dataset.collate import Batch
from asda.dataset.targets import Target
from asda.dataset.transcript import Transcript
from asda.decoding.greedy import greedy
from asda.distributed import relative_size
from asda.files import counted, listed
from asda.model.ctc_head import CtcHead
from asda.model.heads import Head
from asda.scoring.recognise import recognise
from asda.scoring.recognition_scores import RecognitionScores
from asda.text.unit_model import BLANK, UnitModel
from asda.training.ctc_config import CtcConfig
from asda.training.task import Task

log = logging.getLogger(__name__)


class RecognitionTask(Task[CtcConfig]):
    """A recogniser trained on transcribed clips."""

    verb = "finetune-ctc"
    truth = frozenset({"transcripts"})
    output = "ctc"
    model: CtcHead

    def build_model(self, init: SavedModel | None) -> Head:
        config = self.config.ctc
        self.unit_model = UnitModel.load(self.config.units)
        self.units, self.labels = self.unit_model.content(), self.unit_model.pieces
        self.head = {
            "name": CtcHead.name,
            "frequency": config.frequency,
            "steps_per_patch": config.steps_per_patch,
            "dropout": config.dropout,
        }
        if self.config.valid:
            self.metric = "CER"
        head = self.build_head(init, config.encoder, config.drop_path)
        if config.freeze_encoder:
            head.freeze_encoder()
        return head

    def targets(self, directory: DataDir) -> Sequence[Target]:
        steps, longest = self.config.ctc.steps_per_patch, self.config.data.max_frames
        return [Transcript(directory, self.unit_model, self.model_config, steps, longest)]

    def log_choices(self, given: CtcConfig) -> None:
        for clips, use in (
            (self.clips, "it is learned as <unk>"),
            (self.validation, "it counts as errors in validation"),
        ):
            if clips and (unknown := transcripts(clips).unknown(clips.utterances)):
                parts = sorted(set().union(*unknown.values()))
                log.warning(
                    "%s: text of %s is unknown to the units (%s; first: %s); %s",
                    clips.directory.path / "text",
                    counted(len(unknown), "transcript"),
                    listed(parts),
                    next(iter(unknown)),
                    use,
                )
        super().log_choices(given)

    def loss(self, model: nn.Module, batch: Batch, seed: int) -> tuple[Tensor, dict[str, Tensor]]:
        features = mask_stripes(batch.features, batch.num_frames, self.config.augment)
        logits = model(features, batch.num_frames)
        steps = self.model.valid_steps(logits, batch.num_frames)
        units = batch.extras[Transcript.name]
        # Transcripts of other processes have other lengths.
        return ctc_loss(logits, steps, units) * relative_size((units >= 0).sum()), {}

    def evaluate(self) -> dict[str, float]:
        """Return the error rates of greedy decoding, as fractions."""
        if self.validation is None:
            return {}
        texts = transcripts(self.validation).texts
        found = recognise(self.model, self.validation, self.process, greedy)
        utterances = self.validation.utterances
        hypotheses = [self.unit_model.decode(found[u].units) for u in utterances]
        scored = RecognitionScores(utterances, [texts[u] for u in utterances], hypotheses)
        return {name: float(value[0]) for name, value in scored.measurable().measure().items()}

    def facts(self) -> dict[str, Any]:
        return {"units": self.config.units}


def transcripts(clips: Clips) -> Transcript:
    """Return the target of clips that knows their transcripts."""
    return next(target for target in clips.targets if isinstance(target, Transcript))


def ctc_loss(logits: Tensor, steps: Tensor, units: Tensor) -> Tensor:
    """Return the CTC loss of a batch per unit, in nats.

    A clip whose units do not fit into its steps, which speed perturbation can bring about, counts
    as 0 and has no gradient.

    Args:
        logits: (batch, steps, units)
        steps: valid steps of each clip (batch,) int64
        units: of the transcripts (batch, longest) int64, -1 beyond their ends
    """
    lengths = (units >= 0).sum(dim=1)
    total = F.ctc_loss(
        logits.float().log_softmax(-1).transpose(0, 1),  # (steps, batch, units)
        units.clamp(min=0),
        steps,
        lengths,
        blank=BLANK,
        reduction="sum",
        zero_infinity=True,
    )
    return total / lengths.sum()
