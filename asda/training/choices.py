"""Settings that follow the data and the processor, decided when a run begins."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch

from asda.distributed import Process, gather
from asda.files import InputError, listed
from asda.training.run_config import RunConfig, TrainingConfig
from asda.training.run_inputs import run_inputs

CPU_INFO = Path("/proc/cpuinfo")


def feature_bins(config: RunConfig, begun: RunConfig | None) -> int:
    """Return the mel bins of the training features.

    If the features of a begun run were deleted, it is the number of the run.

    Raises:
        InputError: if there are no features, corpora have different numbers, or the model is
            configured for another.
    """
    inputs = run_inputs(config)
    try:
        found = [source.features.mel_bins(source.train) for source in inputs]
    except InputError:
        if begun is None or begun.model.mel_bins is None:
            raise
        return begun.model.mel_bins
    if len(set(found)) > 1:
        named = zip((source.name for source in inputs), found, strict=True)
        raise InputError(
            f"corpora: {listed([f'{name} has {bins}' for name, bins in named])} mel bins; compute"
            " their features with the same settings"
        )
    first = inputs[0]
    if config.model.mel_bins not in (None, found[0]):
        model = f"the model of {config.init}" if config.init else "the model"
        remedy = "compute features with that number" if config.init else "leave out model.mel_bins"
        raise InputError(
            f"{first.features.fbank or first.features.dump or first.train}: features of {found[0]}"
            f" mel bins, but {model} takes {config.model.mel_bins} (model.mel_bins); {remedy}"
        )
    return found[0]


def decided_precision(
    config: TrainingConfig, process: Process, begun: RunConfig | None
) -> Literal["auto", "float32", "bf16", "fp16"]:
    """Return the configured precision; "auto" is that of the begun run, or the faster one.

    bf16 is chosen only where all processes compute in it.
    """
    if config.precision != "auto":
        return config.precision
    if begun is not None:
        return begun.training.precision
    return "bf16" if all(gather(computes_in_bf16(process.device))) else "float32"


def computes_in_bf16(device: torch.device) -> bool:
    """Return whether matrix products in bf16 are faster than in float32 on a device.

    On CPUs with AVX512-BF16, a step takes 0.54 to 0.7 of the time for models from one to 90 million
    parameters (tools/bench/README.md#precisionspy); others only imitate bf16, which is slower.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return CPU_INFO.exists() and "avx512_bf16" in CPU_INFO.read_text(encoding="utf-8").split()
