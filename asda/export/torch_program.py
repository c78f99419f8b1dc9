"""Programs of torch.export, which run where torch is installed, without asda."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.export import ExportedProgram

from asda.checkpoint.saved_model import SavedModel
from asda.export.comparison import Outputs, Run, cases, confirm
from asda.export.export_options import ExportOptions
from asda.export.exported_facts import facts
from asda.export.exported_model import ExportedModel
from asda.inference.audio_model import AudioModel
from asda.staging import check_file_name, staged

FACTS = "asda.json"  # the extra file of a program that holds the facts
SUFFIX = ".pt2"  # without it, torch does not take a file for a program


def write(saved: SavedModel, out: Path, options: ExportOptions) -> None:
    """Write a program that `torch.export.load` reads.

    Raises:
        InputError: if the file does not compute what the model does, or its name does not end in
            .pt2.
    """
    check_file_name(out, SUFFIX)
    model = AudioModel(saved, saved.build(options.encoder))
    exported = ExportedModel(model, options.inputs)
    with staged(out) as path, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch about its own code
        extra = {FACTS: json.dumps(facts(exported, model))}
        stream = io.BytesIO()  # a full disk is then an OSError
        torch.export.save(program_of(exported), stream, extra_files=extra)
        path.write_bytes(stream.getbuffer())
        run = runner(torch.export.load(path).module(), exported.outputs)
        confirm(out, run, cases(exported, model))


def program_of(model: ExportedModel) -> ExportedProgram:
    """Return the program of a model, for batches of any size and any length from `shortest` up."""
    # Named dimensions with bounds end in an error: the solver of bounds fails at the nested
    # divisions from samples to frames to patches.
    vary = torch.export.Dim.DYNAMIC
    with torch.no_grad():
        return torch.export.export(
            model, model.example(), dynamic_shapes=({0: vary, 1: vary}, {0: vary})
        )


def runner(program: Callable[..., tuple[Tensor, ...]], outputs: tuple[str, ...]) -> Run:
    """Return a function that runs a program whose outputs have these names."""

    def run(signal: Tensor, lengths: Tensor) -> Outputs:
        with torch.inference_mode():
            values = program(signal, lengths)
        return {name: value.numpy() for name, value in zip(outputs, values, strict=True)}

    return run
