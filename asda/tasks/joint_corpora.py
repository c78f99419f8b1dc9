"""Pretraining on several corpora at once: their shares, their numbers, their validation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from asda.dataset.clips import Clips
from asda.dataset.collate import Batch
from asda.dataset.loaders import Loader, mixed_loader
from asda.dataset.mixture import CorpusNumber, CorpusOrder, Mixture
from asda.distributed import Process
from asda.features.fbank_config import differing_features
from asda.files import InputError
from asda.training.corpus_config import whole_shares
from asda.training.run_config import PretrainConfig

HAD = "had_"  # begins names of the fraction of batches from a corpus, which are not reported
LOSS, CLIPS = "loss_", "clips_"


class JointCorpora:
    """The corpora of a pretraining.

    Args:
        config: with corpora
        opened: training and validation clips of each, in the order of the configuration

    Raises:
        InputError: if features of corpora were computed with different settings.
    """

    def __init__(self, config: PretrainConfig, opened: list[tuple[Clips, Clips | None]]):
        self.names = list(config.corpora)
        self.clips = [clips for clips, _ in opened]
        self.validation = [validation for _, validation in opened]
        self._check_features()
        sizes = [len(clips) for clips in self.clips]
        corpora = list(config.corpora.values())
        self.order = CorpusOrder(whole_shares(corpora, sizes, config.share_temperature))
        self.seed, self.batch_size = config.training.seed, config.data.batch_size

    def _check_features(self) -> None:
        """Refuse corpora with features of other settings: a bin or a frame would differ."""
        first = self.clips[0].features.fbank_config()
        for name, clips in zip(self.names, self.clips, strict=True):
            if found := differing_features(first, clips.features.fbank_config()):
                raise InputError(
                    f"corpora.{name}: features differ from those of {self.names[0]}"
                    f" ({'; '.join(found)}); compute the features of all corpora with the same"
                    " settings"
                )

    @property
    def shares(self) -> dict[str, float]:
        """Name of each corpus and its fraction of the batches."""
        shares = self.order.shares
        return {n: s / self.order.period for n, s in zip(self.names, shares, strict=True)}

    def loader(self, process: Process, start: int) -> Loader:
        """Return the endless training loader, beginning at batch `start`."""
        return mixed_loader(
            Mixture(self.clips), self.order, self.seed, process.rank, process.world_size, start
        )

    def numbers(self, batch: Batch, loss: Tensor) -> dict[str, Tensor]:
        """Return the loss of a batch, and 1, under the name of its corpus, and 0 for the others.

        No number is fetched from the device, which would make the CPU wait.
        """
        found: dict[str, Tensor] = {}
        for number, name in enumerate(self.names):
            ours = (batch.extras[CorpusNumber.name][0] == number).float()
            found |= {LOSS + name: ours * loss.detach(), HAD + name: ours}
        return found

    def summarised(self, means: Mapping[str, float]) -> dict[str, float]:
        """Return the numbers to report of an interval, with the mean loss of each corpus's batches.

        Args:
            means: means over the interval of the results of `numbers`, and of other numbers
        """
        values = {key: value for key, value in means.items() if not key.startswith(HAD)}
        for name in self.names:
            total = values.pop(LOSS + name)
            if had := means[HAD + name]:
                values[LOSS + name] = total / had
        return values

    def clip_counts(self, batches: int, processes: int) -> dict[str, float]:
        """Return the number of clips of each corpus in the first batches of all processes."""
        counts = self.order.counts(batches)
        clips = self.batch_size * processes
        return {CLIPS + n: float(clips * c) for n, c in zip(self.names, counts, strict=True)}

    def evaluate(self, measure: Callable[[Clips], dict[str, float]]) -> dict[str, float]:
        """Return the mean of the validation sets, weighted by shares, and the loss on each.

        Args:
            measure: returns the mean numbers of a validation set, "loss" among them
        """
        measured = {
            name: measure(validation)
            for name, validation in zip(self.names, self.validation, strict=True)
            if validation is not None
        }
        total = sum(self.shares[name] for name in measured)
        values: dict[str, float] = {}
        for name, numbers in measured.items():
            for key, value in numbers.items():
                values[key] = values.get(key, 0.0) + self.shares[name] / total * value
        return values | {LOSS + name: numbers["loss"] for name, numbers in measured.items()}

    def facts(self) -> dict[str, Any]:
        """Return what model.pt records of the corpora."""
        return {
            name: {
                "train": str(clips.directory.path),
                "share": self.shares[name],
                "clips": len(clips),
                **vars(clips.normalization),
            }
            for name, clips in zip(self.names, self.clips, strict=True)
        }

    def described(self) -> str:
        """Return names, clips and shares in one line, for the log."""
        return "; ".join(
            f"{name}: {len(clips)} clips, share {self.shares[name]:.3g}"
            + "".join(f", {key} {value:.4g}" for key, value in vars(clips.normalization).items())
            for name, clips in zip(self.names, self.clips, strict=True)
        )
