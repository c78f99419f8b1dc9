"""Data directories of sound and silence."""

import numpy as np
import soundfile
from inference.model_files import RATE

from asda.corpus.datadir import write_table


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
