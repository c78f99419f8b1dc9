"""The samples of frames that reach beyond the edges of a clip."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from asda.features.fbank_config import FbankConfig


def beyond_edges(blocks: Iterable[np.ndarray], config: FbankConfig) -> Iterator[np.ndarray]:
    """Yield all samples that the frames of a clip cover; beyond its ends it continues in reverse.

    This is what Kaldi does with --snip-edges=false. A clip that is too short for a frame gets no
    further samples.

    Args:
        blocks: samples of the clip (samples,), block by block
        config: settings of the features, with `snip_edges` false
    """
    first, length = config.first_sample, config.frame_length
    held, samples, begun = np.empty(0, np.float32), 0, False
    for block in blocks:
        samples += len(block)
        held = np.concatenate([held, block])
        if begun:
            yield block
        elif len(held) >= max(length, first):
            yield held[: max(0, -first)][::-1]
            yield held[max(0, first) :]
            begun = True
        held = held[-length:] if begun else held
    if not begun:
        yield held
        return
    last = first + (config.num_frames(samples) - 1) * config.frame_shift + length
    yield held[len(held) - max(0, last - samples) :][::-1]
