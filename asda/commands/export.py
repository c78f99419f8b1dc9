"""`asda export`"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Literal, NamedTuple

from asda.command_line import run_cli
from asda.export.export_options import ExportOptions
from asda.files import InputError, refuse_overwriting


class Format(NamedTuple):
    """A format of another program.

    Attributes:
        module: its `write(saved, out, options)` writes the file or folder, reads it back and
            compares it with the model
        options: fields of `ExportOptions` that have an effect on it
    """

    module: str
    options: tuple[str, ...] = ()


FORMATS = {
    "onnx": Format("asda.export.onnx_file", ("encoder", "inputs")),
    "torch-export": Format("asda.export.torch_program", ("encoder", "inputs")),
    "aotinductor": Format("asda.export.compiled_program", ("encoder", "inputs")),
    "huggingface": Format("asda.export.hugging_face_folder", ("encoder", "license")),
    "reference": Format("asda.export.reference_file"),
}


def export(
    model: str,
    out: str,
    format: Literal["onnx", "torch-export", "aotinductor", "huggingface", "reference"] = "onnx",
    inputs: Literal["waveform", "features"] = "waveform",
    encoder: Literal["student", "teacher"] = "student",
    license: str = "",
) -> None:
    """Write a model in the format of another program.

    Args:
        model: model.pt of asda, or any checkpoint that `asda info` reads
        out: file or folder to write
        format: "onnx": a file for onnxruntime and other programs; "huggingface": a folder that
            Hugging Face transformers loads; "reference": a checkpoint for the ASDA and EAT
            repositories, of models with their geometry
        inputs: what the exported model takes: waveforms, or log-mel features before normalisation
        encoder: which encoder of a pretrained model
        license: licence of the weights for a model card, such as apache-2.0
    """
    from asda.checkpoint.load import read_model

    options = _options(format, inputs=inputs, encoder=encoder, license=license)
    refuse_overwriting(out, [model])
    importlib.import_module(FORMATS[format].module).write(read_model(model), Path(out), options)
    print(f"wrote {out} ({format} format)")


def _options(name: str, **values: Any) -> ExportOptions:
    """Return the options of a format, if those that differ from the default have an effect."""
    options = ExportOptions(**values)
    for key, value in values.items():
        if value != getattr(ExportOptions(), key) and key not in FORMATS[name].options:
            raise InputError(f"--{key} {value} has no effect on the format {name}; leave it out")
    return options


def main(argv: list[str]) -> None:
    run_cli(export, argv, "asda export", positional=True)
