"""ONNX files, which onnxruntime and many other programs run."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from asda.checkpoint.saved_model import SavedModel
from asda.export.comparison import Outputs, Run, cases, confirm
from asda.export.export_options import ExportOptions
from asda.export.exported_facts import facts
from asda.export.exported_model import ExportedModel
from asda.export.extras import require
from asda.export.staging import staged

OPSET = 18  # read by onnxruntime from version 1.14 (2023) on


def write(saved: SavedModel, out: Path, options: ExportOptions) -> None:
    """Write a model as ONNX.

    Raises:
        InputError: if a package is missing, or the file does not compute what the model does.
    """
    require("onnx", "onnx", "onnxscript", "onnxruntime")
    model = ExportedModel(saved, options)
    with staged(out) as path:
        save(model, path, facts(model, saved))
        confirm(out, runner(path), cases(model, saved, options))


def save(model: ExportedModel, path: Path, metadata: dict[str, str]) -> None:
    """Write a graph with metadata."""
    length = "samples" if model.inputs == "waveform" else "frames"
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it warns that torchvision is absent
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of the exporter about its own code
        program: Any = torch.onnx.export(
            model,
            model.example(),
            dynamo=True,
            dynamic_shapes=({0: "batch", 1: length}, {0: "batch"}),
            input_names=[model.inputs, "lengths"],
            output_names=list(model.outputs),
            opset_version=OPSET,
            verbose=False,
        )
    program.model.metadata_props.update(metadata)
    program.save(path, external_data=False)


def runner(path: Path) -> Run:
    """Return a function that runs a file by onnxruntime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    inputs = [entry.name for entry in session.get_inputs()]
    outputs = [entry.name for entry in session.get_outputs()]

    def run(signal: Tensor, lengths: Tensor) -> Outputs:
        given = dict(zip(inputs, (signal.numpy(), lengths.numpy()), strict=True))
        return dict(zip(outputs, session.run(None, given), strict=True))

    return run
