"""`asda export`: write a model in the format of another program."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Literal, NamedTuple

from asda.command_line import run_cli
from asda.export.export_options import ExportOptions, Precision
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
    "onnx": Format("asda.export.onnx_file", ("inputs", "precision", "encoder")),
    "torch-export": Format("asda.export.torch_program", ("inputs", "encoder")),
    "aotinductor": Format("asda.export.compiled_program", ("inputs", "encoder")),
    "sherpa-onnx": Format("asda.export.sherpa_folder", ("precision",)),
    "huggingface": Format("asda.export.hugging_face_folder", ("encoder", "licence")),
    "reference": Format("asda.export.reference_file"),
}
FormatName = Literal[
    "onnx", "torch-export", "aotinductor", "sherpa-onnx", "huggingface", "reference"
]


def export(
    model: str,
    out: str,
    format: FormatName | None = None,
    inputs: Literal["waveform", "features"] = "waveform",
    precision: Precision = "float32",
    encoder: Literal["student", "teacher"] = "student",
    licence: str = "",
) -> None:
    """Write a model in the format of another program, and check that it computes the same there.

    Args:
        model: model.pt of asda, or any checkpoint that `asda info` reads
        out: file to write; a folder for huggingface and sherpa-onnx
        format: "onnx": a graph for onnxruntime and other programs; "torch-export": a program (.pt2)
            for torch without asda; "aotinductor": the same program, compiled for CPUs like this one
            (needs a C++ compiler); "sherpa-onnx": an audio tagger for sherpa-onnx, from a
            classifier that was trained with egs/presets/fbank_sherpa.yaml; "huggingface": a folder
            for Hugging Face transformers; "reference": a checkpoint for the code of ASDA and EAT,
            which must have 128 mel bins, patches of 16 x 16, and attention and MLP as published
        inputs: what the exported model takes: waveforms, or log-mel features before normalisation
        precision: type of the weights of linear layers; int8 makes the ONNX file of a large model
            four times smaller and changes scores a little (docs/export.md#int8)
        encoder: which encoder of a pretrained model
        licence: of the weights, for the model card: an identifier such as apache-2.0
    """
    from asda.checkpoint.load import read_model

    if format is None:
        raise InputError(f"--format must be given: {', '.join(FORMATS)}")
    options = _options(format, inputs=inputs, precision=precision, encoder=encoder, licence=licence)
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
