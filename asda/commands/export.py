"""`asda export`"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from asda.command_line import run_cli


def export(model: str, out: str, format: Literal["reference"] = "reference") -> None:
    """Write a model in the format of another program.

    Args:
        model: model.pt of asda, or any checkpoint that `asda info` reads
        out: file to write
        format: "reference": the checkpoint format of the ASDA and EAT repositories
    """
    from asda.checkpoint import tensor_files
    from asda.checkpoint.foreign.fairseq_export import to_reference
    from asda.checkpoint.load import read_model
    from asda.files import refuse_overwriting

    refuse_overwriting(out, [model])
    tensor_files.save(to_reference(read_model(model)), Path(out))
    print(f"wrote {out} ({format} format)")


def main(argv: list[str]) -> None:
    run_cli(export, argv, "asda export", positional=True)
