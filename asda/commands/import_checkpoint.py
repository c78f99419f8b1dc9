"""`asda import-checkpoint`"""

from __future__ import annotations

from pathlib import Path

from asda.config import run_cli


def import_checkpoint(source: str, out: str) -> None:
    """Turn a checkpoint of ASDA, EAT or SSLAM into a model.pt of asda.

    Every command that takes a model.pt reads such checkpoints too; this makes a file without
    the parts that asda does not use.

    Args:
        source: pretraining or fine-tuned checkpoint, or a safetensors export of EAT
        out: model.pt to write
    """
    from asda.checkpoint import training_state
    from asda.checkpoint.models import read_model

    saved = read_model(source)
    training_state.save(saved.content(), Path(out))
    print(f"wrote {out} ({saved.kind})")


def main(argv: list[str]) -> None:
    run_cli(import_checkpoint, argv, "asda import-checkpoint", positional=True)
