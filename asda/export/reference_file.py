"""Checkpoints that the repositories of ASDA and EAT read."""

from __future__ import annotations

from pathlib import Path

import torch

from asda.checkpoint import tensor_files
from asda.checkpoint.foreign.fairseq_export import to_reference
from asda.checkpoint.load import read_model
from asda.checkpoint.saved_model import SavedModel
from asda.export.export_options import ExportOptions
from asda.files import InputError
from asda.model.encoder import EncoderOutput
from asda.staging import check_file_name, staged


def write(saved: SavedModel, out: Path, options: ExportOptions) -> None:
    """Write a checkpoint of the reference.

    Raises:
        InputError: if the model has a part that the reference does not know, or the file does not
            hold the same model or has a name that does not end in .pt.
    """
    check_file_name(out, ".pt")
    content = to_reference(saved)
    with staged(out) as path:
        tensor_files.save(content, path)
        different = _differing(saved, read_model(path))
        if different:
            raise InputError(
                f"{out}: not written, since it would hold another {different[0]}; report this with"
                " the output of asda info"
            )
    print(
        f"compared with {saved.path}: labels, all {len(saved.weights)} tensors and"
        " the outputs for noise are equal"
    )


def _differing(saved: SavedModel, read: SavedModel) -> list[str]:
    """Return the parts in which two models differ: settings, tensors, outputs."""
    keys = ("kind", "normalization", "output", "labels")
    settings = [key for key in keys if getattr(saved, key) != getattr(read, key)]
    tensors = [
        name
        for name, tensor in saved.weights.items()
        if name not in read.weights or not torch.equal(tensor, read.weights[name])
    ]
    return [*settings, *tensors] or _differing_outputs(saved, read)


@torch.inference_mode()
def _differing_outputs(saved: SavedModel, read: SavedModel) -> list[str]:
    random = torch.Generator().manual_seed(0)
    features = torch.randn(2, 64, saved.config.mel_bins, generator=random)
    first, second = (model.build()(features) for model in (saved, read))
    if isinstance(first, EncoderOutput):
        first, second = first.tokens, second.tokens
    return [] if torch.equal(first, second) else ["output"]
