"""How training runs (typed configuration, no torch import)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from asda.configuration import MOST_THREADS
from asda.dataset.data_config import AugmentConfig, DataConfig
from asda.model.model_config import ModelConfig, PooledLayers, Pooling

if TYPE_CHECKING:
    from asda.dataset.feature_sources import FeatureInput


@dataclass
class OptimizerConfig:
    """AdamW with a cosine schedule.

    Args:
        lr: highest learning rate
        min_lr: learning rate at the first update and after the last; a floor for every layer
        warmup: updates over which the learning rate rises linearly
        betas: decay of the running mean and of the running square of the gradients
        eps: term that keeps the division stable
        eps_form: "torch" adds eps to the bias-corrected root of the running square, "reference"
            to the uncorrected one
        weight_decay: decoupled weight decay
        decay_all: decay biases, norms and the CLS token too, as the reference does by accident
        layer_decay: factor of the learning rate from each block to the one below it (1 = none)
        decay_embeddings: patch embedding, CLS token and their norm lie below the lowest block;
            false leaves them at the full learning rate, as the reference does
        clip_norm: largest L2 norm of the gradient (0 = unlimited)
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
        updates: optimizer updates of the whole run
        accumulation: micro-batches per update
        precision: type of the matrix products; fp16 scales the loss, weights stay float32
        seed: seed of order, masks, augmentation and noise
        device: where to train ("auto" = a GPU if there is one)
        threads: CPU threads of the training process (0 = all cores)
        log_every: updates between log lines
        evaluate_every: updates between evaluations on the validation set (0 = never)
        save_every: updates between checkpoints to resume from
        snapshots: models of past evaluations that are kept for averaging
        final: which weights become model.pt: the last, the best on the validation set, or the
            average of the snapshots (the best ones where a validation set ranks them)
        patience: evaluations without improvement after which training stops (0 = never)
    """

    updates: int = 10000
    accumulation: int = 1
    precision: Literal["float32", "bf16", "fp16"] = "float32"
    seed: int = 1
    device: str = "auto"
    threads: int = 0
    log_every: int = 50
    evaluate_every: int = 500
    save_every: int = 500
    snapshots: int = 5
    final: Literal["last", "best", "average"] = "last"
    patience: int = 0

    def __post_init__(self) -> None:
        for name in ("updates", "accumulation", "log_every", "save_every", "snapshots"):
            if getattr(self, name) < 1:
                raise ValueError(f"training.{name} must be at least 1, not {getattr(self, name)}")
        for name in ("evaluate_every", "patience", "threads", "seed"):
            if getattr(self, name) < 0:
                raise ValueError(f"training.{name} must not be negative")
        if self.threads > MOST_THREADS:
            raise ValueError(f"training.threads {self.threads} is more than {MOST_THREADS}")
        if self.final != "last" and not self.evaluate_every:
            raise ValueError(f"training.final {self.final} needs training.evaluate_every above 0")


@dataclass
class TeacherConfig:
    """The teacher, a moving average of the student (algorithm.md 7.3).

    Args:
        decay: share of the teacher that stays in its first step
        end_decay: share that stays from `anneal_updates` on
        anneal_updates: updates over which the share rises linearly
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
class PretrainConfig:
    """Train an encoder on unlabelled features: a student learns to predict its teacher.

    Args:
        train: data directory to train on
        exp: experiment folder; an unfinished run in it is continued
        valid: data directory whose loss is reported
        dump: folder with the features (feats.scp) of these directories (null = their own)
        fbank: feature configuration (YAML file); features are then computed from audio, no dump
        init: a pretrained model.pt to start from
        model: the model
        data: clips and batches
        augment: random changes to training clips
        teacher: the moving average
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
    teacher: TeacherConfig = field(default_factory=TeacherConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    @property
    def features(self) -> FeatureInput:
        """Where the features of the data directories come from."""
        from asda.dataset.feature_sources import FeatureInput  # imports torch

        return FeatureInput(self.dump, self.fbank)

    def __post_init__(self) -> None:
        for name in ("mixup_alpha", "time_mask", "freq_mask"):
            if getattr(self.augment, name):
                raise ValueError(f"augment.{name} is for fine-tuning; pretraining masks patches")


@dataclass
class ClassifierConfig:
    """Head and loss of a classifier.

    Args:
        pooling: clip vector: the CLS token, the mean of the patch tokens, or "statistics": their
            mean and deviation
        layers: tokens that are pooled: of the last block, or also those that enter the first block
            and those of every other; side by side
        drop_path: highest rate of dropped residual branches, rising linearly from the lowest block
        freeze_encoder: train the head alone (linear probe)
        encoder: which half of a pretrained model to start from
        loss: "cross_entropy" for one label per clip, "bce" for any number
        loss_reduction: divide the summed loss by the clips of a batch, or by its labels as the
            reference does for AudioSet
        label_smoothing: share of the target spread over all classes (cross_entropy)
        metric: validation quantity that ranks models (null = accuracy with cross_entropy, else mAP)
    """

    pooling: Pooling = "cls"
    layers: PooledLayers = "last"
    drop_path: float = 0.1
    freeze_encoder: bool = False
    encoder: Literal["student", "teacher"] = "student"
    loss: Literal["cross_entropy", "bce"] = "cross_entropy"
    loss_reduction: Literal["clips", "labels"] = "clips"
    label_smoothing: float = 0.0
    metric: Literal["accuracy", "mAP"] | None = None

    def __post_init__(self) -> None:
        for name in ("drop_path", "label_smoothing"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"classifier.{name} must lie in 0..1, not {getattr(self, name)}")
        if self.label_smoothing and self.loss != "cross_entropy":
            raise ValueError("classifier.label_smoothing is for classifier.loss cross_entropy")
        if self.pooling == "cls" and self.layers == "all":
            raise ValueError("classifier.layers all pools patches: pooling mean or statistics")


@dataclass
class FinetuneConfig:
    """Train a classifier on a pretrained encoder, or on a new one.

    Args:
        train: data directory with utt2label and labels.txt
        exp: experiment folder; an unfinished run in it is continued
        valid: data directory for choosing a model (never the test set)
        dump: folder with the features (feats.scp) of these directories (null = their own)
        fbank: feature configuration (YAML file); features are then computed from audio, no dump
        init: a pretrained model.pt whose encoder to start from (null = a new one from `model`)
        model: the model when there is no `init`
        classifier: head and loss
        data: clips and batches
        augment: random changes to training clips
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
    classifier: ClassifierConfig = field(default_factory=ClassifierConfig)
    data: DataConfig = field(default_factory=DataConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    @property
    def features(self) -> FeatureInput:
        """Where the features of the data directories come from."""
        from asda.dataset.feature_sources import FeatureInput  # imports torch

        return FeatureInput(self.dump, self.fbank)
