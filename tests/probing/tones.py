"""Data directories of high and low tones in noise, and options of `asda probe`."""

import numpy as np
import soundfile

from asda.cli import main
from asda.corpus.datadir import write_table

RATE = 16000
PITCHES = {"low": 300, "high": 3000}


def tone(label_words, seconds, seed):
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    sound = 0.01 * rng.normal(size=len(time))
    for word in label_words:
        sound += 0.2 * np.sin(2 * np.pi * PITCHES[word] * time)
    return sound.astype(np.float32)


def tones(folder, labels, seed=0, seconds=(0.5, 0.8)):
    """Write a data directory with a clip for each of `labels`, words separated by spaces."""
    folder.mkdir(parents=True)
    tables = {"wav.scp": {}, "utt2label": {}, "utt2spk": {}}
    for row, words in enumerate(labels):
        name = f"{folder.name}{row:02d}"
        sound = tone(words.split(), seconds[row % len(seconds)], 100 * seed + row)
        soundfile.write(folder / f"{name}.wav", sound, RATE)
        values = (str(folder / f"{name}.wav"), words, name)
        for table, value in zip(tables.values(), values, strict=True):
            table[name] = value
    for name, table in tables.items():
        write_table(folder / name, table)
    (folder / "labels.txt").write_text("low\nhigh\n")
    return folder


def probe(model, root, **options):
    """Call `asda probe` on root/train and root/test."""
    given = {"train": root / "train", "test": root / "test", "device": "cpu"} | options
    words = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
    main(["probe", str(model), *words])
