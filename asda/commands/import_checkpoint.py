"""`asda import-checkpoint`"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

from asda.configuration import run_cli


def import_checkpoint(
    source: str, out: str, encoder: Literal["both", "student", "teacher"] = "both"
) -> None:
    """Turn a checkpoint of ASDA, EAT or SSLAM into a model.pt of asda.

    Every command that takes a model.pt reads such checkpoints too; this makes a file without
    the parts that asda does not use.

    Args:
        source: pretraining or fine-tuned checkpoint, or a Hugging Face export of EAT
        out: model.pt to write
        encoder: "student" or "teacher" keeps that encoder of a pretraining checkpoint alone
    """
    from asda.checkpoint import tensor_files
    from asda.checkpoint.load import read_model
    from asda.checkpoint.saved_model import encoder_weights

    saved = read_model(source)
    if encoder != "both":
        weights = encoder_weights(saved, encoder, source)
        saved = dataclasses.replace(
            saved,
            kind="encoder",
            weights={f"encoder.{name}": tensor for name, tensor in weights.items()},
            labels=[],
            head={},
            facts=saved.facts | {"encoder": encoder},
        )
    tensor_files.save(saved.content(), Path(out))
    print(f"wrote {out} ({saved.kind})")


def main(argv: list[str]) -> None:
    run_cli(import_checkpoint, argv, "asda import-checkpoint", positional=True)
