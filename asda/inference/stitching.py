"""Join the frame embeddings of overlapping windows into those of the clip."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Frames(NamedTuple):
    """Embeddings over time.

    Attributes:
        features: (time, width) float32; of several clips (clips, time, width), padded with zeros
        mask: (time,) or (clips, time) bool, true where it is not padding
        times: (time,) float32, the centre of what each vector covers, in seconds into the clip
    """

    features: Tensor
    mask: Tensor
    times: Tensor


def stitched(parts: Sequence[tuple[int, Tensor]]) -> Tensor:
    """Return vectors over time (time, width) of a clip from those of its windows.

    Each of two windows that overlap gives the half of the overlap that is further from its border.

    Args:
        parts: of each window in order: the number of its first vector in the clip, and its vectors
            (time, width)
    """
    borders = [
        (first + first_before + len(before)) // 2
        for (first_before, before), (first, _) in itertools.pairwise(parts)
    ]
    starts, ends = [0, *borders], [*borders, parts[-1][0] + len(parts[-1][1])]
    return torch.cat(
        [
            vectors[start - first : end - first]
            for (first, vectors), start, end in zip(parts, starts, ends, strict=True)
        ]
    )


def side_by_side(clips: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return vectors of clips (time, width) as (clips, time, width), and the mask of `Frames`."""
    features = torch.nn.utils.rnn.pad_sequence(list(clips), batch_first=True)
    lengths = torch.tensor([len(clip) for clip in clips], device=features.device)
    return features, torch.arange(features.shape[1], device=features.device) < lengths[:, None]
