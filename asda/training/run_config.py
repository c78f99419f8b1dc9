"""How training runs (typed configuration, no torch import)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from asda.configuration import MOST_THREADS, check_fraction
from asda.dataset.data_config import AugmentConfig, DataConfig
from asda.files import InputError
from asda.model.model_config import ModelConfig, PooledLayers, Pooling
from asda.training.corpus_config import CorpusConfig, check_corpora
from asda.unread_settings import not_with, only_with

Run = TypeVar("Run", bound="RunConfig")
MOST_SEED = 2**63 - 1  # the largest that PyTorch and NumPy both take
ACCEPT = "training.accept_changes"


@dataclass
class OptimizerConfig:
    """AdamW with a cosine schedule.

    Args:
        lr: peak learning rate
        min_lr: learning rate at the start and at the end of the schedule; layers whose peak lies
            below it (layer_decay) have that peak throughout
        warmup: number of updates over which the learning rate rises linearly from min_lr to lr
        betas: decay rates of the running averages of the gradient and of its square
        eps: small number that is added to the denominator of the update, for numerical stability
        eps_form: where eps is added: "torch" to the root of the second moment after bias
            correction, sqrt(v_hat), "reference" (fairseq) to the root before it, sqrt(v)
        weight_decay: decoupled weight decay: in each update weights shrink by this fraction times
            the learning rate
        decay_all: whether weight decay applies also to biases, norms and the CLS token, as in the
            reference
        layer_decay: layer-wise learning-rate decay in fine-tuning: each block has the learning rate
            of what lies above it, a block or the head, times this (1 = no decay)
        decay_embeddings: whether layer_decay applies also to the patch embedding, the CLS token and
            their norm, which lie below the lowest block; false trains them at the full learning
            rate, as the reference does
        clip_norm: largest L2 norm of the gradient of all weights; a longer gradient is scaled down
            to it (0 = no clipping)
    """

    lr: float = 5e-4
    min_lr: float = 0.0
    warmup: int = 1000
    betas: tuple[float, float] = (0.9, 0.95)
    eps: float = 1e-8
    eps_form: Literal["torch", "reference"] = "torch"
    weight_decay: float = 0.05
    decay_all: bool = not_with(False, weight_decay=0)
    layer_decay: float = only_with(1.0, command=("finetune", "finetune-ctc"))
    decay_embeddings: bool = not_with(True, layer_decay=1)
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
        accumulation: number of micro-batches that make up the batch of one update
        precision: data type of matrix products: "float32", "bf16", "fp16" (with loss scaling), or
            "auto", which is bf16 if the processor supports it in hardware, else float32, and is
            decided when a run begins and kept when it resumes. Weights are float32 in all cases
        compile: whether torch.compile compiles the transformer blocks, which takes place during the
            first updates; the last digits of results then differ
        seed: random seed of initialisation, sampling, masks, augmentation and noise
        deterministic: on a GPU, use only kernels that give the same bits every time, so that an
            interrupted and resumed run ends with the same bits as one without interruption; false
            allows faster kernels. On a CPU this is so in any case
        device: device to train on, "cpu", "cuda" or "auto" (a GPU if one is available)
        threads: number of CPU threads of the training process (0 = all cores)
        lost_after: in a run of several processes, minutes without a sign of life after which a
            process counts as lost; the others then end, and the same command resumes the run
        log_every: number of updates between log lines
        evaluate_every: number of updates between evaluations on the validation set (0 = never)
        save_every: number of updates between checkpoints, from which an interrupted run resumes
        save_minutes: a checkpoint is also saved this number of minutes after the last one, whatever
            save_every is (0 = never)
        snapshots: number of models that final "average" averages
        final: which weights model.pt has: the "last" ones, the "best" on the validation set, or the
            "average" of snapshots, which are the best ones if a validation set ranks models, else
            the latest
        patience: number of evaluations without improvement after which the run stops (0 = it never
            stops early)
        accept_changes: whether a run is resumed, or a completed one trained for longer, although
            some settings have changed. These may change: optimizer.lr, min_lr, warmup and
            clip_norm, training.updates, precision, evaluate_every and patience, and the paths of
            data that was moved. From the checkpoint on, the schedule follows the new settings. This
            setting is not stored in the experiment folder
    """

    updates: int = 10000
    accumulation: int = 1
    precision: Literal["auto", "float32", "bf16", "fp16"] = "float32"
    compile: bool = False
    seed: int = 1
    deterministic: bool = False
    device: str = "auto"
    threads: int = 0
    lost_after: float = 2.0
    log_every: int = 50
    evaluate_every: int = 500
    save_every: int = 500
    save_minutes: float = 10.0
    snapshots: int = only_with(5, final="average")
    final: Literal["last", "best", "average"] = "last"
    patience: int = not_with(0, evaluate_every=0)
    accept_changes: bool = False

    def __post_init__(self) -> None:
        for name in ("updates", "accumulation", "log_every", "save_every", "snapshots"):
            if getattr(self, name) < 1:
                raise ValueError(f"training.{name} must be at least 1, not {getattr(self, name)}")
        for name in ("evaluate_every", "save_minutes", "patience", "threads", "seed"):
            if getattr(self, name) < 0:
                raise ValueError(f"training.{name} must not be negative")
        if self.seed > MOST_SEED:
            raise ValueError(f"training.seed must be at most {MOST_SEED}, not {self.seed}")
        if self.lost_after <= 0:
            raise ValueError(f"training.lost_after must be above 0, not {self.lost_after:g}")
        if self.threads > MOST_THREADS:
            raise ValueError(f"training.threads {self.threads} is more than {MOST_THREADS}")
        if self.final != "last" and not self.evaluate_every:
            raise ValueError(f"training.final {self.final} needs training.evaluate_every above 0")


@dataclass
class TeacherConfig:
    """The EMA teacher: teacher = decay * teacher + (1 - decay) * student.

    Args:
        decay: decay at the first update
        end_decay: decay from update `anneal_updates` on
        anneal_updates: number of updates over which the decay rises linearly from decay to
            end_decay
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
        pooling: how the tokens of a clip become one vector: "cls" takes the CLS token, "mean" the
            mean of the patch tokens, "statistics" their mean and standard deviation
        layers: "last" pools the tokens of the last block; "all" pools the patch embeddings and the
            tokens of each block, and concatenates the vectors
        drop_path: drop-path rate of the top block: the probability that one of its residual
            branches is left out for a clip, in training; the rate rises linearly from 0 at the
            lowest block
        freeze_encoder: whether only the head is trained (linear probe)
        encoder: which encoder of a pretrained model fine-tuning starts from, the student or its EMA
            teacher
        loss: "cross_entropy" for clips with one label each, "bce" (binary cross-entropy of each
            class) for clips with any number of labels; "auto" is cross_entropy if every clip of
            `train` and `valid` has one label, else bce
        loss_reduction: what the summed loss is divided by: the number of "clips" in the batch, or
            the number of their "labels" (at least 1), as the reference does for AudioSet
        label_smoothing: part of the target probability that is spread evenly over all classes, with
            the loss cross_entropy only
        metric: metric on the validation set that ranks models, and by which `asda score` ranks
            results; "auto" is accuracy if every clip of `train` and `valid` has one label, else
            mAP; null, which older configurations contain, is accuracy with the loss cross_entropy,
            else mAP
    """

    pooling: Pooling = "cls"
    layers: PooledLayers = "last"
    drop_path: float = 0.1
    freeze_encoder: bool = False
    encoder: Literal["student", "teacher"] = "student"
    loss: Literal["auto", "cross_entropy", "bce"] = "auto"
    loss_reduction: Literal["clips", "labels"] = only_with("clips", loss=("bce", "auto"))
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
        dump: folder with the features (feats.scp) of these directories (null = each directory has
            its own)
        fbank: feature configuration (YAML file), by which features are computed from audio, without
            a dump
        init: model to start from: a model.pt, a checkpoint of ASDA, EAT or SSLAM, or a name that
            `asda models` lists. Pretraining continues with all of it, fine-tuning takes its encoder
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
    dump: str | None = only_with(None, fbank=None)
    fbank: str | None = None
    init: str | None = None
    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

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
        train: data directory to train on, for a single corpus
        teacher: the EMA teacher
        corpora: several corpora by name, instead of train and valid; model.pt stores the
            normalisation of the first one
        share_temperature: where no shares are given, the share of a corpus is in proportion to its
            number of clips raised to this power: with 1 all clips are drawn equally often, with 0
            all corpora
    """

    train: str = field(default="", kw_only=True)
    teacher: TeacherConfig = field(default_factory=TeacherConfig)
    corpora: dict[str, CorpusConfig] = field(default_factory=dict)
    share_temperature: float = only_with(1.0, shares="by size")

    def __post_init__(self) -> None:
        check_corpora(self.corpora)
        if bool(self.train) == bool(self.corpora):
            raise ValueError(
                "give either train, a data directory, or corpora, several of them"
                + (": train and corpora exclude each other" if self.train else "")
            )
        if self.corpora and self.valid:
            raise ValueError("valid is for a single corpus; each of corpora has its own valid")
        if self.corpora and self.data.norm_mean is not None:
            raise ValueError("data.norm_mean is for a single corpus; corpora have their own mean")
        if self.corpora and self.data.batch_frames is not None:
            raise ValueError(
                "data.batch_frames is for a single corpus: shares are those of batches of"
                " data.batch_size clips"
            )
        check_fraction("share_temperature", self.share_temperature)
        for name in ("mixup_alpha", "time_mask", "freq_mask"):
            if getattr(self.augment, name):
                raise ValueError(f"augment.{name} is for fine-tuning; pretraining masks patches")

    @property
    def command(self) -> str:
        """COMMAND of the `asda COMMAND` that takes these settings."""
        return "pretrain"

    @property
    def shares(self) -> str:
        """How shares of the batches are divided among corpora."""
        if not self.corpora:
            return "of one corpus"
        return "given" if any(c.share for c in self.corpora.values()) else "by size"


@dataclass
class FinetuneConfig(RunConfig):
    """Train a classifier on a pretrained encoder (--init), or from scratch.

    Args:
        classifier: head and loss
    """

    classifier: ClassifierConfig = field(default_factory=ClassifierConfig)

    @property
    def command(self) -> str:
        """COMMAND of the `asda COMMAND` that takes these settings."""
        return "finetune"


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
