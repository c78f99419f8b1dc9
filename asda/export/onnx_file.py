"""ONNX files, which onnxruntime and many other programs run."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from asda.checkpoint.saved_model import SavedModel
from asda.export.comparison import Outputs, Run, cases, confirm
from asda.export.export_options import ExportOptions, Precision
from asda.export.exported_facts import facts
from asda.export.exported_model import ExportedModel
from asda.export.int8_weights import quantize
from asda.extras import require
from asda.inference.audio_model import AudioModel
from asda.staging import check_file_name, staged

OPSET = 18  # read by onnxruntime from version 1.14 (2023) on
ONNX = ("onnx", "onnxscript", "onnxruntime")  # packages of the extra of that name


def write(saved: SavedModel, out: Path, options: ExportOptions) -> None:
    """Write a model as ONNX.

    Raises:
        InputError: if a package is missing, the file does not compute what the model does, or its
            name does not end in .onnx.
    """
    check_file_name(out, ".onnx")
    require("onnx", ONNX)
    model = AudioModel(saved, saved.build(options.encoder))
    exported = ExportedModel(model, options.inputs)
    length = "samples" if exported.log_mel is not None else "frames"
    with staged(out) as path:
        save(
            exported,
            exported.example(),
            path,
            inputs={options.inputs: {0: "batch", 1: length}, "lengths": {0: "batch"}},
            outputs=exported.outputs,
            metadata=facts(exported, model),
            precision=options.precision,
        )
        confirm(out, runner(path), cases(exported, model), options.precision)


def save(
    module: nn.Module,
    example: tuple[Tensor, ...],
    path: Path,
    inputs: dict[str, dict[int, str]],
    outputs: Sequence[str],
    metadata: dict[str, str],
    precision: Precision,
) -> None:
    """Write a module as a graph.

    Args:
        module: what the graph computes
        example: its arguments
        path: file to write
        inputs: name of each argument -> its dimensions that vary, with their names
        outputs: names of what it returns
        metadata: stored in the file
        precision: numbers of the weights of linear layers
    """
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it warns that torchvision is absent
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of the exporter about its own code
        program: Any = torch.onnx.export(
            module,
            example,
            dynamo=True,
            dynamic_shapes=tuple(inputs.values()),
            input_names=list(inputs),
            output_names=outputs,
            opset_version=OPSET,
            verbose=False,
        )
    program.model.metadata_props.update(metadata)
    program.save(path, external_data=False)
    if precision == "int8":
        quantize(path)


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
