"""Experiment folders for tests of reports, written without training anything."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from inference.model_files import write_model
from scoring.systems import score_folder

from asda.audio.wav_scp import AudioSegment
from asda.configuration import save
from asda.scoring.predictions import ScoredClips
from asda.tasks.classification import FinetuneConfig

RATE = 16000
LOG = """\
2026-11-28 09:54:34 INFO 4 classes of 15 (a) to 15 (d) training clips
2026-11-28 09:54:34 INFO train 10/30  loss 2.3  grad_norm 2.1  12.29 updates/s  1.1 min left
2026-11-28 09:54:35 INFO train 20/30  loss 1.2  grad_norm 2.0  10.26 updates/s  1.2 min left
2026-11-28 09:54:35 INFO valid 20/30  loss 1.1  accuracy 0.8  10.26 updates/s  1.2 min left
2026-11-28 09:55:36 WARNING skipped update 25: loss or gradient not finite
2026-11-28 09:54:39 INFO train 30/30  loss 0.5  grad_norm 1.0  7.67 updates/s  0.0 min left
2026-11-28 09:54:39 INFO valid 30/30  loss 0.6  accuracy 0.9  7.67 updates/s  0.0 min left
"""


def sounds(folder: Path, scored: ScoredClips, seconds: float = 0.5) -> dict[str, AudioSegment]:
    """Write a tone per clip, and return utterance -> its audio."""
    folder.mkdir(parents=True, exist_ok=True)
    time = np.arange(int(RATE * seconds)) / RATE
    sources = {}
    for number, utterance in enumerate(scored.utterances):
        path = folder / f"{utterance}.wav"
        soundfile.write(path, 0.3 * np.sin(2 * np.pi * (200 + 20 * number) * time), RATE)
        sources[str(utterance)] = AudioSegment(str(path))
    return sources


def trained(folder: Path, log: str = LOG) -> Path:
    """Write what a training leaves before it is complete."""
    folder.mkdir(parents=True, exist_ok=True)
    config = FinetuneConfig(train="data/train", valid="data/valid", exp=str(folder))
    save(config, folder / "config.yaml")
    (folder / "train.log").write_text(log)
    (folder / "run.sh").write_text("#!/usr/bin/env bash\n")
    return folder


def experiment(folder: Path, scored: ScoredClips, name: str = "score", **options) -> Path:
    """Write a complete training and its scores, with the audio of all clips."""
    trained(folder)
    write_model(folder / "model.pt")
    score_folder(folder / name, scored, sources=sounds(folder / "audio", scored), **options)
    return folder
