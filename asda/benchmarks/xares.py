"""Encoders for X-ARES (package xares) and XARES-LLM (xares_llm), see docs/benchmarks.md."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from typing import Any

import soundfile
import torch
import torchaudio
from torch import Tensor, nn

from asda.benchmarks.benchmark_model import BenchmarkModel

LLM_RATE = 16000  # Hz; XARES-LLM resamples all audio to it


def encoder_class(path: str | Path, **options: Any) -> type[nn.Module]:
    """Return a class for an encoder file of X-ARES, which names it with "Encoder" at the end:

        from asda.benchmarks.xares import encoder_class

        MyEncoder = encoder_class("exp/pretrain/model.pt")

    X-ARES keeps results under the name of the class; it has the digest of model and options in it,
    so that results of another model are never taken for those of this one.

    Args:
        path: as in `asda.load`
        options: of `asda.benchmarks.benchmark_model.VectorSettings`

    Raises:
        InputError: if the file is no model, or an option does not fit it.
    """
    if importlib.util.find_spec("torchcodec") is None:
        torchaudio.load = _load_by_soundfile
    model = BenchmarkModel(path, **options)
    return type(f"Asda{model.digest}Encoder", (_XaresModel,), {"path": path, "options": options})


class _XaresModel(nn.Module):
    """What X-ARES asks of an encoder.

    Attributes:
        sampling_rate: Hz
        output_dim: width of the vectors over time
        hop_size_in_ms: from one of them to the next
    """

    path: str | Path
    options: dict[str, Any]

    def __init__(self) -> None:
        super().__init__()
        self.benchmark_model = BenchmarkModel(self.path, **self.options)
        self.sampling_rate = self.benchmark_model.sample_rate
        self.output_dim = self.benchmark_model.timestamp_embedding_size
        self.hop_size_in_ms = 1000 * self.benchmark_model.hop

    def forward(self, audio: Tensor) -> Tensor:
        """Return vectors over time (clips, time, output_dim) float32 on the CPU.

        X-ARES fills clips up with zeros to the longest of a batch and does not pass their lengths.
        So zeros at the end of a clip count as padding. The result is a nested tensor if clips have
        different lengths, of which X-ARES stores each as long as it is.

        Args:
            audio: mono clips (clips, samples) float32 in [-1, 1] at `sampling_rate`
        """
        lengths = [_length(samples) for samples in audio]
        clips = [
            (samples[:length], self.sampling_rate)
            for samples, length in zip(audio, lengths, strict=True)
        ]
        features, mask, _ = self.benchmark_model.frames(clips)
        if mask.all():
            return features
        with warnings.catch_warnings():  # that nested tensors of this layout are a prototype;
            warnings.simplefilter("ignore")  # the other layout fails in torch.inference_mode
            return torch.nested.nested_tensor(
                [vectors[valid] for vectors, valid in zip(features, mask, strict=True)]
            )


class XaresLlmEncoder(nn.Module):
    """An encoder for XARES-LLM, which passes masks:

        python -m xares_llm.run asda.benchmarks.xares.XaresLlmEncoder
            --model_args '{"path": "exp/pretrain/model.pt"}'

    Args:
        path: as in `asda.load`
        options: of `asda.benchmarks.benchmark_model.VectorSettings`

    Attributes:
        output_dim: width of the vectors over time

    Raises:
        InputError: if the file is no model, or an option does not fit it.
    """

    def __init__(self, path: str | Path, **options: Any):
        super().__init__()
        self.benchmark_model = BenchmarkModel(path, **options)
        self.output_dim = self.benchmark_model.timestamp_embedding_size

    def forward(
        self, audio: Tensor, audio_attention_mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return vectors over time and which of them are valid, on the device of the audio.

        Args:
            audio: mono clips (clips, samples) float32 in [-1, 1] at 16 kHz
            audio_attention_mask: (clips, samples), 1 where a sample is no padding; None = all

        Returns:
            features (clips, time, output_dim) float32 and mask (clips, time) int64.
        """
        lengths = [audio.shape[1]] * len(audio)
        if audio_attention_mask is not None:
            lengths = audio_attention_mask.sum(dim=1).tolist()
        clips = [
            (samples[:length], LLM_RATE) for samples, length in zip(audio, lengths, strict=True)
        ]
        features, mask, _ = self.benchmark_model.frames(clips)
        return features.to(audio.device), mask.long().to(audio.device)


def _length(samples: Tensor) -> int:
    """Return the number of samples up to the last that is not zero."""
    found = samples.nonzero()
    return int(found[-1]) + 1 if len(found) else 0


def _load_by_soundfile(path: str, *_: Any, **__: Any) -> tuple[Tensor, int]:
    """Replace `torchaudio.load`, which needs torchcodec: without it X-ARES skips every file."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return torch.from_numpy(samples.T), rate
