"""Data directories of sound and silence, and a pretrained model with random weights."""

import numpy as np
import soundfile
import torch
from model.networks import tiny

from asda.checkpoint import tensor_files
from asda.checkpoint.saved_model import SavedModel
from asda.configuration import to_dict
from asda.corpus.datadir import write_table
from asda.dataset.data_config import DataConfig
from asda.features.fbank_config import FbankConfig
from asda.model.model_config import DecoderConfig
from asda.model.pretrainer import Pretrainer

RATE = 16000


def half_silent(seconds, seed=0):
    """Noise at -60 dB, whose second half is 40 dB louder."""
    count = round(seconds * RATE)
    level = np.where(np.arange(count) < count // 2, 1e-3, 1e-1)
    return level * np.random.default_rng(seed).normal(0, 1, count)


def write_directory(folder, clips, labels=()):
    """Write a data directory of waveforms; `labels` are those of the clips in turn."""
    folder.mkdir(parents=True)
    for name, samples in clips.items():
        soundfile.write(folder / f"{name}.wav", samples, RATE)
    write_table(folder / "wav.scp", {name: str(folder / f"{name}.wav") for name in clips})
    write_table(folder / "utt2spk", {name: name for name in clips})
    if labels:
        found = {name: labels[n % len(labels)] for n, name in enumerate(clips)}
        write_table(folder / "utt2label", found)
        (folder / "labels.txt").write_text("".join(f"{label}\n" for label in dict.fromkeys(labels)))
    return folder


def write_pretrained(path, padding="mask", max_frames=200, mask_noise=0.01, **options):
    torch.manual_seed(0)
    config = tiny(decoder=DecoderConfig(mask_noise=mask_noise), **options)
    saved = SavedModel(
        "pretrained",
        to_dict(config),
        Pretrainer(config).state_dict(),
        {"mean": -6.0, "std": 3.0},
        to_dict(FbankConfig()),
        to_dict(DataConfig(max_frames=max_frames, padding=padding)),
        "tokens",
        facts={"updates": 1, "source": "random weights"},
    )
    tensor_files.save(saved.content(), path)
    return path
