"""`asda import-checkpoint`"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

from asda.command_line import run_cli


def import_checkpoint(
    source: str, out: str, encoder: Literal["both", "student", "teacher"] = "both"
) -> None:
    """Convert a checkpoint of ASDA, EAT or SSLAM to a model.pt of asda.

    Every command that takes a model.pt also reads such checkpoints; the converted file is smaller,
    without the parts that asda does not use.

    Args:
        source: pretraining or fine-tuned checkpoint, a Hugging Face export of EAT, or a name that
            `asda models` lists
        out: the model.pt to write
        encoder: "student" or "teacher" keeps only that encoder of a pretraining checkpoint
    """
    from asda.checkpoint import tensor_files
    from asda.checkpoint.load import read_model
    from asda.checkpoint.saved_model import NO_HEAD
    from asda.files import refuse_overwriting

    refuse_overwriting(out, [source])
    saved = read_model(source)
    if encoder != "both":
        weights = saved.encoder_weights(encoder)
        saved = dataclasses.replace(
            saved,
            kind="encoder",
            weights={f"encoder.{name}": tensor for name, tensor in weights.items()},
            output=NO_HEAD,
            labels=[],
            head={},
            facts=saved.facts | {"encoder": encoder},
        )
    tensor_files.save(saved.content(), Path(out))
    print(f"wrote {out} ({saved.kind})")


def main(argv: list[str]) -> None:
    run_cli(import_checkpoint, argv, "asda import-checkpoint", positional=True)
