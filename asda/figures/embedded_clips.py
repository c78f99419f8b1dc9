"""Embeddings and labels of the clips of a data directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from asda.audio.audio_error import AudioError
from asda.audio.wav_scp import AudioSegment
from asda.corpus.datadir import DataDir
from asda.files import InputError
from asda.inference.audio_model import AudioModel
from asda.inference.clip_outputs import utterance_outputs
from asda.inference.computations import embeddings
from asda.model.model_config import Pooling


@dataclass
class EmbeddedClips:
    """Clips of a data directory.

    Attributes:
        utterances: IDs of the clips that could be read
        labels: the first label of each; "" if it has none, or the directory has no labels
        embeddings: (clips, width) float32
        bad: utterance -> reason why its audio cannot be used
    """

    utterances: list[str]
    labels: list[str]
    embeddings: np.ndarray
    bad: dict[str, str]


def embed_clips(
    model: AudioModel, data: Path, pooling: Pooling | None, layer: int
) -> EmbeddedClips:
    """Embed the clips of a data directory; audio that cannot be used is left out.

    Args:
        model: the model
        data: data directory with wav.scp
        pooling: as in `AudioModel.embed`
        layer: number of the layer, 0 = the patch embeddings, -1 = the last

    Raises:
        InputError: if there is no such layer, or no clip can be used.
    """
    directory = DataDir(data)
    sources = directory.audio_sources()
    vectors, bad = embed_sources(model, sources, pooling, layer)
    if not vectors:
        raise InputError(f"{data}: the audio of none of its {len(sources)} clips can be used")
    table = directory.utt2label if directory.has("utt2label") else {}
    labels = [next(iter(table.get(name, [])), "") for name in vectors]
    return EmbeddedClips(list(vectors), labels, np.stack(list(vectors.values())), bad)


def embed_sources(
    model: AudioModel,
    sources: Mapping[str, AudioSegment],
    pooling: Pooling | None = None,
    layer: int = -1,
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return utterance -> its embedding (width,) float32, or why its audio cannot be used.

    Args:
        model: the model
        sources: utterance -> its audio
        pooling: as in `AudioModel.embed`
        layer: number of the layer

    Raises:
        InputError: if there is no such layer.
    """
    vectors: dict[str, np.ndarray] = {}
    bad: dict[str, str] = {}
    compute = embeddings(model.network, pooling, layer)
    for utterance, outputs in utterance_outputs(model, sources, compute):
        if isinstance(outputs, AudioError):
            bad[utterance] = str(outputs)
        else:
            vectors[utterance] = torch.stack(outputs).mean(0).numpy()
    return vectors, bad
