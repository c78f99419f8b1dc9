"""A recogniser of three tones that learned nothing: its outputs depend on one patch alone."""

from __future__ import annotations

import numpy as np
import torch
from inference.model_files import RATE, noise
from model.networks import tiny

from asda.checkpoint import tensor_files
from asda.checkpoint.saved_model import SavedModel
from asda.configuration import to_dict
from asda.dataset.data_config import DataConfig
from asda.features.fbank import Fbank
from asda.features.fbank_config import FbankConfig
from asda.model.ctc_head import CtcHead
from asda.model.model_config import PatchConfig
from asda.text.unit_model import UnitModel
from asda.text.unit_training import train_units
from asda.text.units_config import UnitsConfig

TONES = {"low": 400, "mid": 1200, "high": 3500}  # word -> Hz
STEP = 0.04  # seconds
BINS = 40


def recogniser(folder, max_frames=200, time=4, time_stride=None, steps_per_patch=1):
    """Return a model that gives the unit of a tone at each step that is full of it.

    Args:
        folder: in which the units are trained
        max_frames: longest input
        time: frames of a patch
        time_stride: frames from one patch to the next
        steps_per_patch: outputs of a patch
    """
    (folder / "words.txt").write_text("".join(f"{word}\n" for word in TONES))
    train_units(UnitsConfig(str(folder / "words.txt"), str(folder / "units"), kind="word"))
    units = UnitModel.load(folder / "units")
    patch = PatchConfig(time, "all", time_stride, position_scale=0.0)
    config = tiny(mel_bins=BINS, patch=patch)
    head = CtcHead(config, len(units), steps_per_patch=steps_per_patch)
    fbank = FbankConfig(num_mel_bins=BINS)
    _wire(head, units, Fbank(fbank), steps_per_patch)
    settings = {"name": "ctc", "frequency": "concatenate", "steps_per_patch": steps_per_patch}
    return SavedModel(
        kind="finetuned",
        model=to_dict(config),
        weights=head.state_dict(),
        normalization={"mean": -6.0, "std": 3.0},
        fbank=to_dict(fbank),
        data=to_dict(DataConfig(max_frames=max_frames)),
        output="ctc",
        labels=units.pieces,
        head=settings,
        units=units.content(),
        facts={"updates": 0, "source": "set by hand"},
    )


@torch.no_grad()
def _wire(head, units, fbank, steps_per_patch):
    """Let channel k of a patch be the level of tone k, and units compare these channels."""
    for name, values in head.named_parameters():
        if "norm" not in name and "cls_token" not in name:
            values.zero_()
    head.encoder.patches.proj.bias[-1] = 0.5  # stands out where there is no tone
    weight = head.head.weight.view(steps_per_patch, len(units), -1)
    weight[:, 0, -1] = 3
    for channel, (word, pitch) in enumerate(TONES.items()):
        tone = np.sin(2 * np.pi * pitch * np.arange(RATE) / RATE).astype(np.float32)
        bin_of_tone = int(fbank(torch.from_numpy(tone)).mean(0).argmax())
        head.encoder.patches.proj.weight[channel, 0, :, bin_of_tone] = 0.25
        weight[:, units.pieces.index(f"▁{word}"), channel] = 3


def write_recogniser(path, **options):
    """Write a model of `recogniser`, and return its path."""
    tensor_files.save(recogniser(path.parent, **options).content(), path)
    return path


def spoken(words, tone=0.24, gap=0.36, seed=0):
    """Return samples of tones with pauses around them, and the start of each tone in seconds.

    Args:
        words: of `TONES`
        tone: seconds of a word
        gap: seconds of a pause, or of each
        seed: of the noise in which they lie
    """
    gaps = np.broadcast_to(gap, len(words) + 1)
    starts = np.cumsum(gaps[:-1]) + tone * np.arange(len(words))
    samples = 1e-3 * noise(len(words) * tone + gaps.sum(), seed)
    time = np.arange(round(tone * RATE)) / RATE
    for word, start in zip(words, starts, strict=True):
        first = round(start * RATE)
        samples[first : first + len(time)] += 0.3 * np.sin(2 * np.pi * TONES[word] * time)
    return samples.astype(np.float32), starts.tolist()
