"""Scored clips and score folders for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from asda.scoring.predictions import ScoredClips
from asda.scoring.result_files import write_results
from asda.scoring.scored_set import ScoredSet


def single_label(
    clips: int = 60, classes: int = 4, seed: int = 0, signal: float = 1.0, first: int = 0
) -> ScoredClips:
    """Return clips of one label each; a larger `signal` makes a better system."""
    rng = np.random.default_rng((seed, first))
    truth = np.arange(clips) % classes
    targets = np.eye(classes, dtype=np.uint8)[truth]
    scores = (rng.standard_normal((clips, classes)) + signal * targets).astype(np.float32)
    return _scored(scores, targets, first)


def multi_label(
    clips: int = 80, classes: int = 5, seed: int = 0, signal: float = 1.0, first: int = 0
) -> ScoredClips:
    """Return clips of any number of labels, every class with and without clips."""
    rng = np.random.default_rng((seed, first))
    targets = (rng.random((clips, classes)) < 0.3).astype(np.uint8)
    targets[:2] = [[1] * classes, [0] * classes]
    scores = (rng.standard_normal((clips, classes)) + signal * targets).astype(np.float32)
    return _scored(scores, targets, first)


def _scored(scores: np.ndarray, targets: np.ndarray, first: int) -> ScoredClips:
    names = np.array([f"utt{first + row:04d}" for row in range(len(scores))])
    labels = np.array([f"class{c}" for c in range(scores.shape[1])])
    return ScoredClips(names, scores, targets, labels)


def score_folder(folder: Path, scored: ScoredSet, **options) -> Path:
    """Write a score folder as `asda score` does."""
    provenance = {"data": "data/test", "model": f"{folder.parent}/model.pt", "updates": 100}
    write_results(folder, scored, provenance | options.pop("provenance", {}), **options)
    return folder


def rows(text):
    """Return the cells of each row of a Markdown table, the header first."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    table = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    return [table[0], *table[2:]]
