"""The share of attention on silence over a data directory, with intervals over its clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from asda.audio.audio_error import AudioError
from asda.audio.wav_scp import AudioSegment
from asda.features.clip_range import ClipRange
from asda.figures.attention_maps import attention_maps
from asda.figures.silence import QUANTITIES, Query, quiet_frames, quiet_patches, silence_shares
from asda.files import InputError
from asda.inference.audio_model import AudioModel
from asda.inference.clip_outputs import utterance_outputs
from asda.inference.computations import encoder_of
from asda.inference.model_input import ModelInput
from asda.model.model_config import patch_grid
from asda.scoring.intervals import Interval, intervals, paired_differences
from asda.scoring.measurable import Metric
from asda.scoring.utterance_ratios import RatioMetrics

Shares = dict[str, np.ndarray]  # quantity -> share at each layer (layers,) float64
UNIFORM = "uniform"
MEAN = "mean"  # over the layers
SHARE = Metric(title="%", higher_is_better=False, factor=100, digits=2)
# What the second map changes: second minus first of each pair.
CHANGES = {f"{name} − map 1": (name, "map 1") for name in QUANTITIES[2:]}


@dataclass
class MeasuredSilence:
    """Shares of a data directory.

    Attributes:
        utterances: clips that were measured (clips,) str
        layers: numbers of blocks, from 1
        shares: (clips, layers) float64 of each quantity, by name
        left_out: number of clips without a contrast between sound and silence
        bad: utterance -> reason why its audio cannot be used
    """

    utterances: np.ndarray
    layers: list[int]
    shares: dict[str, np.ndarray]
    left_out: int
    bad: dict[str, str]

    def intervals(self, groups: np.ndarray | None = None) -> dict[str, dict[str, Interval]]:
        """Return quantity -> layer or "mean" -> mean over clips with its 95 % interval.

        Quantities that are differences are measured on the same redrawn clips (paired).

        Args:
            groups: (clips,) int, see `asda.scoring.intervals.bootstrap_weights`
        """
        systems = {name: self._means(values) for name, values in self.shares.items()}
        found = {name: intervals(system, groups) for name, system in systems.items()}
        for name, (second, first) in CHANGES.items():
            if second in systems:
                found[name] = paired_differences([systems[first]], [systems[second]], groups)
        return found

    def _means(self, values: np.ndarray) -> RatioMetrics:
        """Return the means over clips of each layer and of all layers, as metrics."""
        columns = np.concatenate([values, values.mean(axis=1, keepdims=True)], axis=1)
        names = [*map(str, self.layers), MEAN]
        return RatioMetrics(columns, np.ones_like(columns), dict.fromkeys(names, SHARE))


def measure_silence(
    model: AudioModel,
    sources: Mapping[str, AudioSegment],
    layers: Sequence[int],
    within: float,
    query: Query,
) -> MeasuredSilence:
    """Measure the share of attention on frames without sound of each clip and layer.

    A clip that is longer than the input of the model is measured in windows; its share is the mean
    of theirs. Windows are measured one by one, so that memory holds the maps of one and one layer.

    Args:
        model: the model
        sources: utterance -> its audio
        layers: numbers of blocks, from 1
        within: dB above the noise floor of a clip at which frames count as without sound
        query: as in `silence_shares`

    Raises:
        InputError: if no clip can be measured.
    """
    if within <= 0:
        raise InputError(f"--within must be above 0 dB, not {within:g}")

    def compute(batch: ModelInput) -> list[Shares | None]:
        return [_shares(model, batch, layers, within, query)]

    found: dict[str, list[Shares]] = {}
    bad: dict[str, str] = {}
    for utterance, outputs in utterance_outputs(model, sources, compute, batch_size=1):
        if isinstance(outputs, AudioError):
            bad[utterance] = str(outputs)
        elif with_contrast := [shares for shares in outputs if shares is not None]:
            found[utterance] = with_contrast
    left_out = len(sources) - len(found) - len(bad)
    if not found:
        raise InputError(
            f"none of {len(sources)} clips can be measured: the audio of {len(bad)} cannot be used,"
            f" and the loudest frame of {left_out} is not {2 * within:g} dB above the noise floor"
        )
    clips = list(found.values())
    shares = {
        name: np.stack([np.mean([w[name] for w in windows], axis=0) for windows in clips])
        for name in clips[0][0]
    }
    return MeasuredSilence(np.array(list(found)), list(layers), shares, left_out, bad)


def _log_mel(features: np.ndarray, model: AudioModel) -> np.ndarray:
    """Return the log-mel features that were normalised; both (frames, mel) float32.

    Raises:
        InputError: if the model normalises each clip by its own range.
    """
    norm = model.normalization
    if isinstance(norm, ClipRange):
        raise InputError(
            f"{model.saved.path}: normalises each clip by its own range, after which the level of"
            " its frames is not known; measure a model with data.norm corpus"
        )
    return (features - norm.offset) / norm.scale


def _shares(
    model: AudioModel, batch: ModelInput, layers: Sequence[int], within: float, query: Query
) -> Shares | None:
    """Return the shares of a batch of one window, None if it has no contrast."""
    frames = int(batch.lengths[0])
    log_mel = _log_mel(batch.features[0, :frames].cpu().numpy(), model)
    quiet = quiet_frames(log_mel, within)
    if quiet is None:
        return None
    config = model.saved.config
    num_time, num_freq = patch_grid(config, batch.features.shape[1])
    # Padding that the model takes for sound counts as attended to, but not as a frame of the clip.
    fractions = torch.zeros(1, num_time * num_freq, device=batch.features.device)
    of_clip = torch.from_numpy(quiet_patches(quiet, config.patch, num_freq))
    fractions[0, : len(of_clip)] = of_clip
    shares = [
        silence_shares(maps, fractions, query)
        for maps in attention_maps(encoder_of(model.network), batch.features, None, layers)
    ]
    found = {UNIFORM: [share.uniform for share in shares]}
    found |= {name: [share.by_quantity[name] for share in shares] for name in shares[0].by_quantity}
    return {name: np.array([float(value) for value in values]) for name, values in found.items()}
