"""The share of attention on silence over a data directory, with intervals over its clips."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tqdm import tqdm

from asda.audio.wav_scp import AudioSegment
from asda.checkpoint.saved_model import SavedModel
from asda.configuration import build
from asda.features.extract import features_or_reason
from asda.features.fbank import Fbank
from asda.features.fbank_config import FbankConfig
from asda.figures.attention_maps import attention_maps
from asda.figures.clip_input import model_input
from asda.figures.silence import (
    QUANTITIES,
    Query,
    SilenceShares,
    quiet_frames,
    quiet_patches,
    silence_shares,
)
from asda.files import InputError
from asda.model.encoder import Encoder
from asda.model.model_config import patch_grid
from asda.scoring.intervals import Interval, intervals, paired_differences
from asda.scoring.measurable import Metric
from asda.scoring.utterance_ratios import RatioMetrics

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
        layers: numbers of blocks
        shares: (clips, layers) float64 of each quantity, by name
        left_out: clips without a contrast between sound and silence
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
    saved: SavedModel,
    encoder: Encoder,
    sources: Mapping[str, AudioSegment],
    layers: Sequence[int],
    within: float,
    query: Query,
) -> MeasuredSilence:
    """Measure the share of attention on frames without sound of each clip and layer.

    Of a clip that is longer than the input of the model, the beginning is measured. Clips are
    measured one by one, so that memory holds the maps of one clip and layer.

    Args:
        saved: the model
        encoder: its encoder
        sources: utterance -> its audio
        layers: numbers of blocks, from 1
        within: dB above the noise floor of a clip at which frames count as without sound
        query: as in `silence_shares`

    Raises:
        InputError: if no clip can be measured.
    """
    fbank = Fbank(build(FbankConfig, saved.fbank, saved.path))
    rows: dict[str, list[SilenceShares]] = {}
    left_out, bad = 0, {}
    for utterance, audio in tqdm(sources.items(), disable=None, leave=False, file=sys.stderr):
        log_mel = features_or_reason(utterance, audio, fbank)
        if isinstance(log_mel, str):
            bad[utterance] = log_mel
        elif (quiet := quiet_frames(log_mel, within)) is None:
            left_out += 1
        else:
            rows[utterance] = list(_measure(saved, encoder, log_mel, quiet, layers, query))
    if not rows:
        raise InputError(
            f"none of {len(sources)} clips can be measured: {len(bad)} cannot be read, and the"
            f" loudest frame of {left_out} is not {2 * within:g} dB above the noise floor"
        )
    names = [UNIFORM, *next(iter(rows.values()))[0].by_quantity]
    shares = {
        name: np.array([[_value(share, name) for share in row] for row in rows.values()])
        for name in names
    }
    return MeasuredSilence(np.array(list(rows)), list(layers), shares, left_out, bad)


def _measure(
    saved: SavedModel,
    encoder: Encoder,
    log_mel: np.ndarray,
    quiet: np.ndarray,
    layers: Sequence[int],
    query: Query,
) -> Iterator[SilenceShares]:
    """Yield the shares of a clip at each layer."""
    features, data = model_input(saved, log_mel)
    config = saved.config
    num_time, num_freq = patch_grid(config, len(features))
    # Padding that the model takes for sound counts as attended to, but not as a frame of the clip.
    fractions = np.zeros(num_time * num_freq, np.float32)
    of_clip = quiet_patches(quiet[: data.max_frames], config.patch, num_freq)
    fractions[: len(of_clip)] = of_clip
    device = encoder.cls_token.device
    for maps in attention_maps(encoder, features[None].to(device), None, layers):
        yield silence_shares(maps, torch.from_numpy(fractions)[None].to(device), query)


def _value(shares: SilenceShares, name: str) -> float:
    return float(shares.uniform if name == UNIFORM else shares.by_quantity[name])
