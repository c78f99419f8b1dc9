"""Windows over clips that are longer than the input of the model."""

from __future__ import annotations

import numpy as np
from torch.utils.data import Dataset

from asda.dataset.clips import Clip, Clips
from asda.dataset.targets import Target
from asda.features.matrix import Matrix
from asda.features.view import normalised_view


class Windows(Dataset):
    """The second and further windows of the clips that are longer than `data.max_frames`.

    The first window of a clip is its item in `Clips`, which begins at the start when clips are
    scored. Items are addressed like those of `Clips`, by (epoch, number), and carry no targets.

    Args:
        clips: the clips that are scored
        rank: this process
        world_size: number of processes, each of which takes some of the clips
    """

    targets: tuple[Target, ...] = ()

    def __init__(self, clips: Clips, rank: int = 0, world_size: int = 1):
        self.clips, self.config = clips, clips.config
        frames = clips.frames
        rows = np.flatnonzero(clips.longer)[rank::world_size]
        self.table = [
            (clips.utterances[row], start)
            for row in rows
            for start in window_starts(int(frames[row]), self.config.max_frames)[1:]
        ]
        self._opened: tuple[str, Matrix] | None = None

    @property
    def mel_bins(self) -> int:
        """Mel bins of the features."""
        return self.clips.mel_bins

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, key: tuple[int, int]) -> Clip:
        utterance, start = self.table[key[1]]
        matrix = self._matrix(utterance)
        frames = min(self.config.max_frames, matrix.shape[0])
        start = min(start, matrix.shape[0] - frames)
        view = normalised_view(matrix, start, frames, self.clips.normalization)
        return Clip(utterance, view)

    def _matrix(self, utterance: str) -> Matrix:
        """Return the features of a clip, kept for its next window: from audio they are costly."""
        if self._opened is None or self._opened[0] != utterance:
            self._opened = utterance, self.clips.features.features(utterance)
        return self._opened[1]


def window_starts(frames: int, window: int) -> list[int]:
    """Return the first frames of the windows that cover a clip.

    Windows follow one another without overlap; only the last one, which ends where the clip ends,
    overlaps the one before it.

    Args:
        frames: length of the clip
        window: length of a window
    """
    return [*range(0, frames - window, window), max(0, frames - window)]
