"""What every training task has in common; a task adds its targets, model, loss and evaluation."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import logging
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

import torch
from torch import Tensor, nn

from asda.checkpoint.load import read_model
from asda.checkpoint.saved_model import NO_HEAD, SavedModel, WhichEncoder, load_weights
from asda.configuration import differences, is_below, to_dict
from asda.corpus.datadir import DataDir
from asda.dataset.clips import Clips, open_clips
from asda.dataset.collate import Batch
from asda.dataset.data_config import AugmentConfig
from asda.dataset.loaders import Loader, epoch_padding, training_loader
from asda.dataset.targets import Target
from asda.distributed import Process, failing_together, gather, joined
from asda.features.fbank_config import differing_features
from asda.features.normalization import AnyNormalization
from asda.kernels.allocator import keep_freed_memory
from asda.model.heads import Head, make_head
from asda.model.model_config import ResolvedModel
from asda.provenance import environment
from asda.stop_signals import StopRequests
from asda.training.agreement import (
    agree_on_data,
    agree_on_folder,
    agree_on_settings,
)
from asda.training.choices import decided_precision, feature_bins
from asda.training.clip_normalization import clip_range, normalization_warning
from asda.training.experiment import Experiment, begun_run
from asda.training.initial_model import differing_settings
from asda.training.input_digests import check_inputs, input_digests
from asda.training.loop import train
from asda.training.run_config import RunConfig, check_ranking
from asda.training.run_inputs import run_inputs
from asda.training.setting_warnings import setting_warnings
from asda.unread_settings import refuse_unread, unread

log = logging.getLogger(__name__)
Config = TypeVar("Config", bound=RunConfig)


class Task(ABC, Generic[Config]):
    """A model, the clips it is trained on, and how both are evaluated and saved.

    Subclasses define what is abstract here, and call `run` to train:

        class RegressionTask(Task[RunConfig]):
            verb, labels, head, output = "regress", ["seconds"], {"name": "duration"}, "linear"
            ...

        RegressionTask.run(config)

    Args:
        config: configuration of the run, as `decided`
        process: this process
        init: the model of `config.init`, if there is one

    Attributes:
        verb: COMMAND of the `asda COMMAND` in run.sh, which repeats the run
        truth: what is learned from besides features: "labels" (labels.txt, utt2label),
            "transcripts" (text)
        metric: validation quantity that ranks models; None = none does
        higher_is_better: how `metric` ranks
        labels: names of the head's outputs, in order
        head: {"name": a registered head, ...its settings}; empty for pretraining
        output: meaning of the model's output, see `SavedModel`
        units: content of the unit model that the outputs stand for; empty without one
        model_config: resolved model configuration
        model: the trained module
        inputs: the data of each corpus of the run
        clips: training clips, of the first corpus if there are several
        validation: validation clips of that corpus, None without a validation set
        opened: training and validation clips of each corpus
    """

    verb: ClassVar[str]
    truth: ClassVar[frozenset[str]] = frozenset()
    metric: str | None = None
    higher_is_better: bool = False
    labels: Sequence[str] = ()
    head: Mapping[str, Any] = {}
    output: str = NO_HEAD
    units: Mapping[str, Any] = {}

    def __init__(self, config: Config, process: Process, init: SavedModel | None = None):
        self.config = config
        self.process = process
        self.model_config = config.model.resolved()
        torch.manual_seed(config.training.seed)
        self.model = self.build_model(init)
        self.inputs = run_inputs(config)
        self.by_clip = clip_range(config.data, init)
        self.opened = [self._open(number) for number in range(len(self.inputs))]
        self.clips, self.validation = self.opened[0]
        self._compare_features(init)

    @classmethod
    def run(cls, config: Config, stated: Collection[str] | None = None) -> None:
        """Train to the end and write model.pt; resume an interrupted run, skip a completed one.

        Args:
            config: configuration of the run
            stated: keys that its files and options hold; None = what is not a default

        Raises:
            InputError: if configuration, data or the model of `init` do not fit, or differ from
                those of the run in the experiment folder.
        """
        settings = config.training
        with joined(settings.device, settings.threads, settings.lost_after) as process:
            stop = StopRequests(announce=process.is_first, at_once=process.world_size == 1)
            with stop.handled():
                cls._run(config, process, stop, stated)

    @classmethod
    def _run(
        cls, config: Config, process: Process, stop: StopRequests, stated: Collection[str] | None
    ) -> None:
        if process.device.type == "cpu":
            keep_freed_memory()  # a setting of the process, which only a command may change
        init = read_model(config.init) if config.init else None
        config, notes = cls._with_model_of(init, config, stated)
        given, begun = config, begun_run(config)
        config = cls.decided(config, process, begun)
        refuse_unread(config, given, _taken_over(config, begun, init))
        check_ranking(config.training, ranked=cls.ranks(config))
        agree_on_settings(config, process)
        with failing_together():
            experiment = Experiment(config, cls.verb, process)
        with contextlib.closing(experiment):  # also before a signal ends the process
            complete = cls._is_complete(experiment)
            for note in notes if process.is_first else ():
                log.warning("%s", note)
            if complete:
                log.info("%s is complete", experiment.model)
                experiment.claim()
                return
            task = cls(config, process, init)
            if begun is None and process.is_first:
                task.log_choices(given)
            train(task, experiment, process, stop)

    @classmethod
    def _with_model_of(
        cls, init: SavedModel | None, config: Config, stated: Collection[str] | None
    ) -> tuple[Config, list[str]]:
        """Return the configuration with the model that the run starts from, and notes about it."""
        if init is None:
            return config, []
        differing = differing_settings(config.model, init.config, stated)
        model, notes = cls.continued(config, init.config, differing)
        return dataclasses.replace(config, model=model), notes

    @classmethod
    def _is_complete(cls, experiment: Experiment) -> bool:
        """Return whether nothing is left to train, once folder and data are known to fit.

        Raises:
            InputError: if the processes see other folders or data, or the data have changed.
        """
        config, process = experiment.config, experiment.process
        agree_on_folder(experiment.folder, process)
        with failing_together():
            balanced = {"labels"} if config.data.sampling == "balanced" else set()
            inputs = input_digests(experiment, cls.truth | balanced)
        agree_on_data(inputs, process)
        with failing_together():
            check_inputs(experiment, inputs)
            complete = experiment.is_complete
        return gather(complete)[0]  # other processes do not know whether the run continues

    @classmethod
    def continued(
        cls, config: Config, model: ResolvedModel, differing: Mapping[str, str]
    ) -> tuple[ResolvedModel, list[str]]:
        """Return the model of a run that starts from another, and notes about it.

        Args:
            config: of the run
            model: the model of `config.init`
            differing: key and description of the run's settings that differ from it
        """
        ignored = "; ".join(differing.values())
        return model, [f"the model comes from {config.init}: {ignored}"] if ignored else []

    @classmethod
    def decided(cls, config: Config, process: Process, begun: Config | None) -> Config:
        """Return the configuration with all "auto" settings decided; a task adds its own here.

        Args:
            config: as given, with the model of `init` where the task takes it from there
            process: this process
            begun: the configuration of the run in the experiment folder, if one has begun

        Raises:
            InputError: if settings do not fit each other or the data.
        """
        precision = decided_precision(config.training, process, begun)
        training = dataclasses.replace(config.training, precision=precision)
        config = dataclasses.replace(config, training=training)
        return config.resolved(feature_bins(config, begun))

    def log_choices(self, given: Config) -> None:
        """Log the settings that were decided for a new run, and warnings about settings.

        Args:
            given: the configuration before `decided`
        """
        if given.training.precision == "auto":
            log.info("training.precision auto: %s", self.config.training.precision)
        if self.config.data.padding == "mask":
            for training, _ in self.opened:
                share = epoch_padding(training, self.config.training.seed)
                path = training.directory.path
                log.info("%s: padding makes up %.1f %% of training batches", path, 100 * share)
        process = self.process
        clips = sum(len(training) for training, _ in self.opened)
        for line in setting_warnings(self.config, clips, process.world_size, process.device.type):
            log.warning(line)

    @classmethod
    def ranks(cls, config: Config) -> bool:
        """Return whether validation ranks models, so that the best one can be chosen."""
        return config.valid is not None

    @abstractmethod
    def build_model(self, init: SavedModel | None) -> nn.Module:
        """Return the module to train, initialised; `build_head` makes one with a head."""

    @abstractmethod
    def targets(self, directory: DataDir) -> Sequence[Target]:
        """Return what the clips of a data directory carry in addition to features."""

    def corpus_targets(self, number: int, directory: DataDir) -> Sequence[Target]:
        """As `targets`, of a data directory of the corpus of this number."""
        return self.targets(directory)

    @abstractmethod
    def loss(self, model: nn.Module, batch: Batch, seed: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of a micro-batch and numbers to report (0-d tensors).

        Args:
            model: `self.model`, wrapped for several processes
            batch: on the device
            seed: a number for each micro-batch of the run
        """

    @abstractmethod
    def evaluate(self) -> dict[str, float]:
        """Return validation quantities, `metric` among them; empty without a validation set."""

    def before_update(self, update: int) -> None:
        """Prepare for the next update after `update` completed ones."""

    def warning(self, stats: dict[str, float]) -> str | None:
        """Return a warning about the reported numbers of an interval, None if all is well."""
        return None

    def summarised(self, means: dict[str, float], batches: int) -> dict[str, float]:
        """Return the numbers to report of an interval.

        Args:
            means: of the numbers that `loss` has returned
            batches: micro-batches that this process has read since the run began
        """
        return means

    def facts(self) -> dict[str, Any]:
        """Return what model.pt records of this task in addition to the facts of every run."""
        return {}

    def build_head(
        self, init: SavedModel | None, encoder: WhichEncoder = "student", drop_path: float = 0.0
    ) -> Head:
        """Return the network of `self.head`, with the encoder of `init` if there is one."""
        model = make_head(self.head, self.model_config, len(self.labels), drop_path=drop_path)
        if init:
            load_weights(model.encoder, init.encoder_weights(encoder), init.path)
        return model

    def loader(self, start: int) -> Loader:
        """Return the endless training loader, beginning at batch `start`."""
        seed, process = self.config.training.seed, self.process
        return training_loader(self.clips, seed, process.rank, process.world_size, start)

    def package(self, weights: dict[str, Tensor], facts: dict[str, Any]) -> SavedModel:
        """Return the finished model.

        Args:
            weights: state dict of `model`
            facts: how it was trained
        """
        config = self.config
        first = self.inputs[0]
        data = {"train": first.train, "valid": first.valid, "init": config.init}
        return SavedModel(
            kind="finetuned" if self.head else "pretrained",
            model=to_dict(self.model_config),
            weights=weights,
            normalization=vars(self.clips.normalization),
            fbank=self.clips.features.fbank_config(),
            data=to_dict(config.data),
            output=self.output,
            labels=list(self.labels),
            head=dict(self.head),
            units=dict(self.units),
            facts=facts | data | {"clips": len(self.clips)} | self.facts() | environment(),
        )

    def _compare_features(self, init: SavedModel | None) -> None:
        """Warn of features whose settings differ from those that the model was trained on."""
        if init is None or not self.process.is_first:
            return
        if warning := normalization_warning(self.by_clip, init):
            log.warning("%s", warning)
        for clips in filter(None, itertools.chain.from_iterable(self.opened)):
            found = differing_features(init.fbank, clips.features.fbank_config())
            if found:
                log.warning(
                    "%s: features differ from those %s was trained on (%s); compute features with"
                    " the settings of this model, unless you mean to adapt it",
                    clips.directory.path,
                    init.path,
                    "; ".join(found),
                )

    def _open(self, number: int) -> tuple[Clips, Clips | None]:
        """Open training and validation clips of a corpus, both normalised by the training clips.

        Args:
            number: place of the corpus in `inputs`
        """
        source, config = self.inputs[number], self.config
        training = self._open_set(number, source.train, self.by_clip, config.augment)
        if source.valid is None:
            return training, None
        return training, self._open_set(number, source.valid, training.normalization, None)

    def _open_set(
        self,
        number: int,
        directory: str,
        normalization: AnyNormalization | None,
        augment: AugmentConfig | None,
    ) -> Clips:
        return open_clips(
            directory,
            self.inputs[number].features,
            self.config.data,
            normalization,
            mel_bins=self.model_config.mel_bins,
            augment=augment,
            seed=self.config.training.seed,
            targets=self.corpus_targets(number, DataDir(directory)),
        )


def _taken_over(config: RunConfig, begun: RunConfig | None, init: SavedModel | None) -> set[str]:
    """Return the settings that nothing reads and whose values are not those of the user.

    Args:
        config: of the run
        begun: that of the run in the experiment folder, which may be older than a condition
        init: the model that the run starts from
    """
    keys, now = {key for key, _, _ in unread(config)}, to_dict(config)
    found: set[str] = set()
    if begun:
        found |= keys - differences(to_dict(begun), now).keys()
    if init:
        of_model = {key for key in keys if is_below(key, ["model"])}
        found |= of_model - differences(to_dict(init.config), now["model"], "model.").keys()
    return found
