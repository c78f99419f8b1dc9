"""Checkpoints that the repositories of ASDA and EAT read."""

from __future__ import annotations

from pathlib import Path

from asda.checkpoint import tensor_files
from asda.checkpoint.foreign.fairseq_export import to_reference
from asda.checkpoint.saved_model import SavedModel
from asda.export.export_options import ExportOptions


def write(saved: SavedModel, out: Path, options: ExportOptions) -> None:
    """Write a checkpoint of the reference.

    Raises:
        InputError: if the model has a part that the reference does not know.
    """
    tensor_files.save(to_reference(saved), out)
