"""`asda info`"""

from __future__ import annotations

from asda.command_line import run_cli


def info(checkpoint: str) -> None:
    """Show the contents of a model file.

    Architecture, number of parameters, head and labels, and how it was trained.

    Args:
        checkpoint: model.pt or checkpoint.pt of asda, a checkpoint of ASDA, EAT or SSLAM, a
            Hugging Face export of EAT, or a name that `asda models` lists
    """
    from asda.checkpoint.describe import describe
    from asda.checkpoint.load import read_model

    for key, value in describe(read_model(checkpoint)).items():
        print(f"{key:<22} {value}")


def main(argv: list[str]) -> None:
    run_cli(info, argv, "asda info", positional=True)
