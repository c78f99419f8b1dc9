"""A model for MAEB, the audio benchmark of MTEB (package mteb), see docs/benchmarks.md.

import mteb
from asda.benchmarks.maeb import maeb_model

tasks = mteb.get_benchmark("MAEB(v1, audio-only)")
mteb.evaluate(maeb_model("exp/pretrain/model.pt"), tasks)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from asda.benchmarks.benchmark_model import BenchmarkModel, Clip

if TYPE_CHECKING:
    from mteb.models import ModelMeta
    from mteb.types import Array


def maeb_model(path: str | Path, device: str | None = None, **options: Any) -> MaebModel:
    """Return a model that `mteb.evaluate` and `mteb.mock_run` take.

    Args:
        path: as in `asda.load`
        device: "cpu", "cuda" or None (a GPU if one is available)
        options: of `asda.benchmarks.benchmark_model.VectorSettings`

    Raises:
        InputError: if the file is no model, or an option does not fit it.
    """
    name = "asda/" + "-".join(Path(path).absolute().parts[-3:])
    return MaebModel(name, None, device, path=path, **options)


class MaebModel:
    """What mteb calls an encoder (`mteb.models.models_protocols.EncoderProtocol`).

    Args:
        model_name: as in tables of results, ORGANISATION/NAME
        revision: ignored, since mteb keeps results under it: it becomes the digest of model and
            options, so that results of another model are never taken for those of this one
        device: "cpu", "cuda" or None (a GPU if one is available)
        path: as in `asda.load`
        options: of `asda.benchmarks.benchmark_model.VectorSettings`

    Attributes:
        mteb_model_meta: what mteb records about the model
    """

    def __init__(
        self,
        model_name: str,
        revision: str | None,
        device: str | None = None,
        *,
        path: str | Path,
        **options: Any,
    ):
        self.benchmark_model = BenchmarkModel(path, device or "auto", **options)
        self.mteb_model_meta = self._meta(model_name)

    def encode(self, inputs: Any, **_: Any) -> np.ndarray:
        """Return one vector per clip (clips, width) float32.

        Args:
            inputs: a DataLoader of batches whose "audio" is a list of {"array": samples (samples,)
                or (channels, samples), "sampling_rate": Hz}. asda resamples, as in training.
        """
        vectors = [self.benchmark_model.embed(_clips(batch["audio"])) for batch in inputs]
        return torch.cat(vectors).numpy()

    def similarity(self, embeddings1: Array, embeddings2: Array) -> Array:
        """Return the cosines of all pairs of vectors (of the first, of the second)."""
        from mteb.similarity_functions import cos_sim

        return cos_sim(embeddings1, embeddings2)

    def similarity_pairwise(self, embeddings1: Array, embeddings2: Array) -> Array:
        """Return the cosine of each vector and its partner (vectors,)."""
        from mteb.similarity_functions import pairwise_cos_sim

        return pairwise_cos_sim(embeddings1, embeddings2)

    def _meta(self, name: str) -> ModelMeta:
        from mteb.models import ModelMeta
        from mteb.models.model_meta import ScoringFunction

        return ModelMeta.create_empty(
            {
                "name": name,
                "revision": self.benchmark_model.digest,
                "n_parameters": sum(p.numel() for p in self.benchmark_model.parameters()),
                "embed_dim": self.benchmark_model.scene_embedding_size,
                "similarity_fn_name": ScoringFunction.COSINE,
                "framework": ["PyTorch"],
                "modalities": ["audio"],
            }
        )


def _clips(audio: Iterable[Any]) -> list[Clip]:
    return [(_mono(item["array"]), int(item["sampling_rate"])) for item in audio]


def _mono(samples: Sequence[Any] | np.ndarray | Tensor) -> Tensor:
    tensor = torch.as_tensor(np.asarray(samples), dtype=torch.float32)
    return tensor if tensor.ndim == 1 else tensor.mean(dim=0)
