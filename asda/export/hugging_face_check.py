"""Load an exported folder as its users will, and compare what it computes with the model."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from asda.checkpoint.load import read_model
from asda.checkpoint.saved_model import SavedModel
from asda.digests import value_digest
from asda.files import InputError
from asda.inference.audio_input import Waveform
from asda.inference.audio_model import AudioModel
from asda.inference.computations import Computation, class_outputs
from asda.inference.windowed_model import fbank_config
from asda.model.heads import Head, combined_windows

TOLERANCE = 1e-4  # of the largest output; the clips of a batch are computed together there


def check_folder(saved: SavedModel, folder: Path) -> str:
    """Return a line that says how the folder was checked.

    Raises:
        InputError: if the folder cannot be loaded, or computes something else.
    """
    _check_reading(saved, folder)
    if importlib.util.find_spec("transformers") is None:
        return (
            "read back by asda alone: transformers is not installed here, so that its classes in"
            " the folder were not tried (pip install 'asda[hf]')"
        )
    waveforms = _waveforms(saved)
    with tempfile.TemporaryDirectory() as scratch:
        found = _computed_by_transformers(waveforms, folder, Path(scratch))
    difference = _largest_difference(saved, waveforms, found)
    if difference > TOLERANCE:
        raise InputError(
            f"{saved.path}: not exported: what transformers computes from the folder differs by"
            f" {difference:.1e} of the largest output"
        )
    return (
        f"loaded by transformers {found['version']} without asda: outputs of {len(waveforms)} clips"
        f" differ by at most {difference:.1e} of the largest"
    )


def _check_reading(saved: SavedModel, folder: Path) -> None:
    """Read the folder with asda and compare all that it holds."""
    read = read_model(folder)
    expected, found = saved.content(), read.content()
    weights = expected.pop("weights"), found.pop("weights")
    same = weights[0].keys() == weights[1].keys() and all(
        tensor.dtype == weights[1][name].dtype and torch.equal(tensor, weights[1][name])
        for name, tensor in weights[0].items()
    )
    differing = [n for n in expected if value_digest(expected[n]) != value_digest(found[n])]
    if differing or not same:
        raise InputError(
            f"{saved.path}: not exported: asda reads {', '.join(differing) or 'weights'} back"
            " differently"
        )


def _waveforms(saved: SavedModel) -> list[np.ndarray]:
    """Return clips of noise (samples,) float32: short, as long as the model takes, and longer."""
    config, longest = fbank_config(saved), saved.data["max_frames"]
    draw = np.random.default_rng(0)
    frames = [max(1, longest // 3), longest]
    if saved.head:  # encoders take any length
        frames.append(longest + max(1, longest // 4))
    samples = [config.frame_length + (count - 1) * config.frame_shift for count in frames]
    return [draw.normal(0, 0.1, count).astype(np.float32) for count in samples]


def _computed_by_transformers(
    waveforms: list[np.ndarray], folder: Path, scratch: Path
) -> dict[str, np.ndarray]:
    """Return what a process of its own computes, offline and with an empty cache of code."""
    np.savez(scratch / "in.npz", *waveforms)
    command = [sys.executable, "-m", "asda.export.hugging_face_reload", str(folder.resolve())]
    offline = {"HF_HOME": str(scratch), "HF_HUB_OFFLINE": "1", "HF_MODULES_CACHE": str(scratch)}
    process = subprocess.run(
        [*command, str(scratch / "in.npz"), str(scratch / "out.npz")],
        env=os.environ | offline,
        capture_output=True,
        text=True,
    )
    if process.returncode:
        reason = (process.stderr.strip() or f"status {process.returncode}").splitlines()[-1]
        raise InputError(f"{folder.name}: not exported: transformers cannot load it: {reason}")
    with np.load(scratch / "out.npz", allow_pickle=False) as content:
        return dict(content)


@torch.inference_mode()
def _largest_difference(
    saved: SavedModel, waveforms: list[np.ndarray], found: dict[str, np.ndarray]
) -> float:
    """Return the largest difference from the model's own outputs, by the largest output.

    The model takes one clip at a time, so that the padding of the other is tested too.
    """
    model, worst = AudioModel(saved, saved.build()), 0.0
    for waveform, outputs in zip(waveforms, found["outputs"], strict=True):
        expected = _outputs(model, waveform).numpy()
        difference = np.abs(outputs[: len(expected)] - expected).max()
        worst = max(worst, float(difference / np.abs(expected).max()))
    return worst


def _outputs(model: AudioModel, waveform: np.ndarray) -> Tensor:
    """Return the logits (classes,) of a clip, or its tokens (1 + patches, width), float32."""
    has_head = isinstance(model.network, Head)
    compute = class_outputs([model.network]) if has_head else _tokens(model.network)
    run = model.run([Waveform(waveform, model.sample_rate)], compute)
    outputs = [window.output for window in run]
    if len(outputs) == 1 or model.data.long_clips == "start":
        return outputs[0]
    return combined_windows(torch.stack(outputs), model.saved.output)


def _tokens(encoder: nn.Module) -> Computation:
    return lambda batch: encoder(batch.features, batch.num_frames).tokens.float()
