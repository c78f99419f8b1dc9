"""A trained model behind the interface of HEAR, the Holistic Evaluation of Audio Representations.

HEAR's programs take the name of this module and a model file:

    hear-validator asda.hear --model exp/pretrain/model.pt
    python -m heareval.embeddings.runner asda.hear --model exp/pretrain/model.pt --tasks-dir tasks

The interface is that of HEAR 2021 (https://hearbenchmark.com/hear-api.html): see
docs/benchmarks.md.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from asda.benchmarks.benchmark_model import BenchmarkModel, Clip
from asda.files import InputError


def load_model(model_file_path: str = "", **options: Any) -> BenchmarkModel:
    """Return a model on the CPU, with the attributes that HEAR reads.

    These are `sample_rate` in Hz, `scene_embedding_size` and `timestamp_embedding_size`.

    Args:
        model_file_path: as in `asda.load`
        options: of `asda.benchmarks.benchmark_model.VectorSettings`; HEAR's --model-options

    Raises:
        InputError: if the file is no model, or an option does not fit it.
    """
    if not model_file_path:
        raise InputError("asda.hear has no model of its own; give one: --model model.pt")
    return BenchmarkModel(model_file_path, **options)


def get_timestamp_embeddings(audio: Tensor, model: BenchmarkModel) -> tuple[Tensor, Tensor]:
    """Return vectors over time, and the centre of what each covers.

    The last patch of a clip is filled up with zeros. Its vector is left out if its centre lies
    behind the end of the audio, unless it is the only one.

    Args:
        audio: mono clips of one length (clips, samples) float32 in [-1, 1] at `model.sample_rate`
        model: of `load_model`

    Returns:
        embeddings (clips, time, timestamp_embedding_size) float32 and timestamps (clips, time)
        float32 in milliseconds, both on the device of the audio.

    Raises:
        InputError: if the audio is no tensor of this shape.
    """
    frames = model.frames(_clips(audio, model))
    seconds = audio.shape[1] / model.sample_rate
    count = max(1, int((frames.times <= seconds).sum()))
    timestamps = 1000 * frames.times[:count].clamp(max=seconds)
    features = frames.features[:, :count].to(audio.device)
    return features, timestamps.to(audio.device).expand(len(audio), -1)


def get_scene_embeddings(audio: Tensor, model: BenchmarkModel) -> Tensor:
    """Return one vector per clip (clips, scene_embedding_size) float32 on the device of the audio.

    Args:
        audio: as in `get_timestamp_embeddings`
        model: of `load_model`

    Raises:
        InputError: if the audio is no tensor of this shape.
    """
    return model.embed(_clips(audio, model)).to(audio.device)


def _clips(audio: Tensor, model: BenchmarkModel) -> list[Clip]:
    if not isinstance(audio, Tensor) or audio.dim() != 2:
        kind = f"shape {tuple(audio.shape)}" if isinstance(audio, Tensor) else type(audio).__name__
        raise InputError(f"audio of {kind}; HEAR gives a torch tensor (clips, samples)")
    return [(samples, model.sample_rate) for samples in audio.unbind()]
