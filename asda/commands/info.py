"""`asda info`"""

from __future__ import annotations

from asda.configuration import run_cli


def info(checkpoint: str) -> None:
    """Print what a model file holds.

    Form and geometry, parameter counts, training state, class labels, and where it came from.

    Args:
        checkpoint: a model.pt of asda, a checkpoint of ASDA, EAT or SSLAM, or a Hugging Face
            export of EAT
    """
    from asda.checkpoint.describe import describe
    from asda.checkpoint.load import read_model

    for key, value in describe(read_model(checkpoint), checkpoint).items():
        print(f"{key:<22} {value}")


def main(argv: list[str]) -> None:
    run_cli(info, argv, "asda info", positional=True)
