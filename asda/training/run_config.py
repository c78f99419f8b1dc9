"""How training runs (typed configuration, no torch import)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeVar

from asda.configuration import MOST_THREADS
from asda.dataset.data_config import AugmentConfig, DataConfig
from asda.files import InputError
from asda.model.model_config import ModelConfig, PooledLayers, Pooling
from asda.text.unit_model import MODEL, SETTINGS

if TYPE_CHECKING:
    from asda.dataset.feature_sources import FeatureInput

Run = TypeVar("Run", bound="RunConfig")
ACCEPT = "training.accept_changes"
# Settings that a run may change on request when it resumes; no tensor in a checkpoint depends on
# them.
ACCEPTABLE = {f"optimizer.{name}" for name in ("lr", "min_lr", "warmup", "clip_norm")}
ACCEPTABLE |= {
    f"training.{name}" for name in ("updates", "precision", "evaluate_every", "patience")
}
ACCEPTABLE |= {"train", "valid", "dump", "fbank", "units"}  # the content is compared in any case


@dataclass
class OptimizerConfig:
    """AdamW with a cosine schedule.

    Args:
        lr: peak learning rate
        min_lr: learning rate at the start and the end of the schedule; a lower bound for all layers
        warmup: number of updates with linearly rising learning rate
        betas: decay rates of the running averages of the gradient and of its square
        eps: added to the denominator for numerical stability
        eps_form: "torch": eps is added to sqrt(v_hat); "reference" (fairseq): to sqrt(v), before
            bias correction
        weight_decay: decoupled weight decay
        decay_all: apply weight decay also to biases, norms and the CLS token, as the reference does
        layer_decay: layer-wise learning-rate decay of fine-tuning: factor from each block to the
            one below it (1 = no decay)
        decay_embeddings: apply layer_decay also to the patch embedding, the CLS token and their
            norm, below the lowest block; false trains them at the full rate, as the reference does
        clip_norm: maximum L2 norm of the gradient (0 = no clipping)
    """

    lr: float = 5e-4
    min_lr: float = 0.0
    warmup: int = 1000
    betas: tuple[float, float] = (0.9, 0.95)
    eps: float = 1e-8
    eps_form: Literal["torch", "reference"] = "torch"
    weight_decay: float = 0.05
    decay_all: bool = False
    layer_decay: float = 1.0
    decay_embeddings: bool = True
    clip_norm: float = 4.0

    def __post_init__(self) -> None:
        if self.lr <= 0:
            raise ValueError(f"optimizer.lr must be above 0, not {self.lr}")
        if not 0 < self.layer_decay <= 1:
            raise ValueError(f"optimizer.layer_decay must lie in 0..1, not {self.layer_decay}")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"optimizer.betas must lie in 0..1, below 1, not {self.betas}")
        for name in ("min_lr", "warmup", "weight_decay", "clip_norm", "eps"):
            if getattr(self, name) < 0:
                raise ValueError(f"optimizer.{name} must not be negative")


@dataclass
class TrainingConfig:
    """Length, precision and bookkeeping of a run.

    Args:
        updates: number of optimizer updates of the whole run
        accumulation: number of micro-batches per update
        precision: data type of matrix products; weights are float32 in all cases, and fp16 uses
            loss scaling. "auto" is bf16 if the processor supports it in hardware, else float32;
            it is decided when a run begins and kept when the run resumes
        seed: random seed of initialisation, sampling, masks, augmentation and noise
        device: training device ("auto" = a GPU if one is available)
        threads: number of CPU threads of the training process (0 = all cores)
        log_every: number of updates between log lines
        evaluate_every: number of updates between evaluations on the validation set (0 = never)
        save_every: number of updates between checkpoints to resume from
        save_minutes: a checkpoint is also saved this number of minutes after the last one (0 =
            never)
        snapshots: number of models that are kept for final "average"
        final: weights in model.pt: the "last", the "best" on the validation set, or the "average"
            of the snapshots (the best ones if a validation set ranks them, else the latest)
        patience: stop after this number of evaluations without improvement (0 = never)
        accept_changes: resume a run, or train a completed one for longer, although some settings
            have changed: optimizer.lr, min_lr, warmup and clip_norm, training.updates, precision,
            evaluate_every and patience, and the paths of data that was moved. From the checkpoint
            on, the schedule follows the new settings. Not stored in the experiment folder
    """

    updates: int = 10000
    accumulation: int = 1
    precision: Literal["auto", "float32", "bf16", "fp16"] = "float32"
    seed: int = 1
    device: str = "auto"
    threads: int = 0
    log_every: int = 50
    evaluate_every: int = 500
    save_every: int = 500
    save_minutes: float = 10.0
    snapshots: int = 5
    final: Literal["last", "best", "average"] = "last"
    patience: int = 0
    accept_changes: bool = False

    def __post_init__(self) -> None:
        for name in ("updates", "accumulation", "log_every", "save_every", "snapshots"):
            if getattr(self, name) < 1:
                raise ValueError(f"training.{name} must be at least 1, not {getattr(self, name)}")
        for name in ("evaluate_every", "save_minutes", "patience", "threads", "seed"):
            if getattr(self, name) < 0:
                raise ValueError(f"training.{name} must not be negative")
        if self.threads > MOST_THREADS:
            raise ValueError(f"training.threads {self.threads} is more than {MOST_THREADS}")
        if self.final != "last" and not self.evaluate_every:
            raise ValueError(f"training.final {self.final} needs training.evaluate_every above 0")


@dataclass
class TeacherConfig:
    """The EMA teacher: teacher = decay * teacher + (1 - decay) * student.

    Args:
        decay: decay of the first update
        end_decay: decay from `anneal_updates` on
        anneal_updates: number of updates over which the decay rises linearly
    """

    decay: float = 0.9998
    end_decay: float = 0.99999
    anneal_updates: int = 100000

    def __post_init__(self) -> None:
        if not 0 <= self.decay <= self.end_decay <= 1:
            raise ValueError("teacher needs 0 <= decay <= end_decay <= 1")
        if self.anneal_updates < 1:
            raise ValueError("teacher.anneal_updates must be at least 1")


@dataclass
class ClassifierConfig:
    """Head and loss of the classifier.

    Args:
        pooling: how a clip becomes one vector: the CLS token, the mean of the patch tokens, or
            "statistics": their mean and standard deviation
        layers: "last": pool the last block; "all": pool the patch embeddings and every block and
            concatenate
        drop_path: drop-path rate of the top block, rising linearly from 0 at the lowest block
        freeze_encoder: train only the head (linear probe)
        encoder: initialise from the student or the EMA teacher of a pretrained model
        loss: "cross_entropy" for one label per clip, "bce" (binary cross entropy) for any number;
            "auto" is cross_entropy if every clip of `train` and `valid` has one label, else bce
        loss_reduction: divide the summed loss by the number of clips in the batch, or by the number
            of labels, as the reference does for AudioSet (at least 1)
        label_smoothing: probability mass spread evenly over all classes (cross_entropy only)
        metric: validation metric that ranks models and leads the results of `asda score`; "auto" is
            accuracy if every clip of `train` and `valid` has one label, else mAP; null, which older
            configurations contain, is accuracy with cross_entropy, else mAP
    """

    pooling: Pooling = "cls"
    layers: PooledLayers = "last"
    drop_path: float = 0.1
    freeze_encoder: bool = False
    encoder: Literal["student", "teacher"] = "student"
    loss: Literal["auto", "cross_entropy", "bce"] = "auto"
    loss_reduction: Literal["clips", "labels"] = "clips"
    label_smoothing: float = 0.0
    metric: Literal["auto", "accuracy", "mAP"] | None = "auto"

    def __post_init__(self) -> None:
        for name in ("drop_path", "label_smoothing"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"classifier.{name} must lie in 0..1, not {getattr(self, name)}")
        if self.label_smoothing and self.loss == "bce":
            raise ValueError("classifier.label_smoothing is for classifier.loss cross_entropy")
        if self.pooling == "cls" and self.layers == "all":
            raise ValueError("classifier.layers all pools patches: pooling mean or statistics")
        if self.metric is None and self.loss != "auto":
            self.metric = "accuracy" if self.loss == "cross_entropy" else "mAP"


@dataclass
class RunConfig:
    """Settings of every training run.

    Args:
        train: data directory to train on
        exp: experiment folder; an interrupted run in it is resumed
        valid: data directory for validation (never the test set)
        dump: folder with the features (feats.scp) of these directories (null = in each directory)
        fbank: feature configuration (YAML file) to compute features from audio instead of a dump
        init: model to start from, a model.pt, a checkpoint of ASDA, EAT or SSLAM, or a name that
            `asda models` lists: pretraining continues with all of it, fine-tuning with its encoder
            (null = a new model)
        model: encoder, and how it is pretrained
        data: clips and batches
        augment: augmentation of training clips
        optimizer: AdamW and its schedule
        training: length, precision and bookkeeping
    """

    train: str
    exp: str
    valid: str | None = None
    dump: str | None = None
    fbank: str | None = None
    init: str | None = None
    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    @property
    def features(self) -> FeatureInput:
        """Where the features of the data directories come from."""
        from asda.dataset.feature_sources import FeatureInput  # not at module level: imports torch

        return FeatureInput(self.dump, self.fbank, self.data.max_bad, self.exp)

    def further_inputs(self) -> dict[str, str]:
        """Return name -> file of what the run depends on besides data and `init`."""
        return {}

    def resolved(self: Run, mel_bins: int) -> Run:
        """Return a copy with a resolved model configuration.

        Args:
            mel_bins: mel bins of the features

        Raises:
            InputError: if sizes of the model do not fit together.
        """
        try:
            return dataclasses.replace(self, model=self.model.resolved(mel_bins))
        except ValueError as error:
            raise InputError(str(error)) from error


@dataclass
class PretrainConfig(RunConfig):
    """Pretrain an encoder on unlabelled audio: a student learns to predict its EMA teacher.

    Args:
        teacher: the EMA teacher
    """

    teacher: TeacherConfig = field(default_factory=TeacherConfig)

    def __post_init__(self) -> None:
        for name in ("mixup_alpha", "time_mask", "freq_mask"):
            if getattr(self.augment, name):
                raise ValueError(f"augment.{name} is for fine-tuning; pretraining masks patches")


@dataclass
class FinetuneConfig(RunConfig):
    """Train a classifier on a pretrained encoder (--init), or from scratch.

    Args:
        classifier: head and loss
    """

    classifier: ClassifierConfig = field(default_factory=ClassifierConfig)


@dataclass
class CtcHeadConfig:
    """Head and initialisation of the recogniser.

    Args:
        frequency: the patches of one time are concatenated, from low to high, or averaged; there is
            nothing to choose if patches span the whole spectrum
        steps_per_patch: outputs for each time of the patches; patches longer than about 40 ms need
            several, since CTC can give no more units than there are steps
        dropout: fraction of the inputs of the last linear layer that is dropped
        drop_path: drop-path rate of the top block, rising linearly from 0 at the lowest block
        freeze_encoder: train only the head
        encoder: initialise from the student or the EMA teacher of a pretrained model
    """

    frequency: Literal["concatenate", "mean"] = "concatenate"
    steps_per_patch: int = 1
    dropout: float = 0.1
    drop_path: float = 0.1
    freeze_encoder: bool = False
    encoder: Literal["student", "teacher"] = "student"

    def __post_init__(self) -> None:
        for name in ("dropout", "drop_path"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"ctc.{name} must lie in 0..1, not {getattr(self, name)}")
        if self.steps_per_patch < 1:
            raise ValueError(f"ctc.steps_per_patch must be at least 1, not {self.steps_per_patch}")


@dataclass(kw_only=True)
class CtcConfig(RunConfig):
    """Train a recogniser by CTC on a pretrained encoder (--init), or from scratch.

    Args:
        units: folder with the units that `asda units` trained
        ctc: head and initialisation
    """

    units: str
    ctc: CtcHeadConfig = field(default_factory=CtcHeadConfig)

    def __post_init__(self) -> None:
        for name in ("roll", "mixup_alpha"):
            if getattr(self.augment, name):
                raise ValueError(f"augment.{name} would part the audio from its transcript")

    def further_inputs(self) -> dict[str, str]:
        return {"units": f"{self.units}/{MODEL}", "settings of units": f"{self.units}/{SETTINGS}"}


def check_ranking(training: TrainingConfig, ranked: bool) -> None:
    """Refuse settings that need a validation set which ranks models.

    Args:
        ranked: whether there is one

    Raises:
        InputError: naming the setting.
    """
    for setting, wanted in (
        ("training.final best", training.final == "best"),
        (f"training.patience {training.patience}", training.patience > 0),
    ):
        if wanted and not ranked:
            raise InputError(f"{setting} needs a validation set that ranks models (fine-tuning)")
