"""Clips of words that are loud in one half of the bands, with transcripts, for recognition."""

from __future__ import annotations

import numpy as np
from dataset.directories import MEL, with_features
from training.runs import settings

from asda.corpus.datadir import write_table

WORDS = ("low", "high")
FRAMES = 12  # of a word, between pauses of 8


def spoken(clips, seed):
    """Return features and transcripts of one to three words, each loud in a half of the bands."""
    rng = np.random.default_rng(seed)
    features, texts = {}, {}
    for row in range(clips):
        words = rng.integers(0, 2, size=rng.integers(1, 4))
        matrix = rng.normal(-6, 0.5, (8 + len(words) * (FRAMES + 8), MEL))
        for place, word in enumerate(words):
            first = 8 + place * (FRAMES + 8)
            matrix[first : first + FRAMES, word * 8 : word * 8 + 8] += 6
        name = f"utt{row:03d}"
        features[name] = matrix.astype(np.float32)
        texts[name] = " ".join(WORDS[word].upper() for word in words) + "."
    return features, texts


def directory(folder, clips, seed):
    """Write a data directory of such clips."""
    features, texts = spoken(clips, seed)
    with_features(folder, features)
    write_table(folder / "text", texts)
    return folder


def config(corpus, exp, **options):
    """Return the content of a configuration of `asda finetune-ctc` on `directory`s."""
    options = {
        "units": corpus / "units",
        "model__patch": {"time": 4, "freq": "all", "position_scale": 0.2},
        "model__mel_bins": MEL,
        "data__max_frames": 80,
        "data__batch_size": 8,
        "ctc__drop_path": 0.0,
    } | options
    return settings(corpus, exp, **options)
