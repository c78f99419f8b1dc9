"""Says in a line what keeps tools/gpu/check.sh from running: missing packages, or no GPU."""

import importlib.util
import sys

# Modules of asda's dependencies that machines with PyTorch often lack, and those of the tests.
NEEDED = ("torch", "torchaudio", "numpy", "scipy", "sklearn", "yaml", "sentencepiece", "soundfile")
NEEDED += ("soxr", "jsonargparse", "docstring_parser", "matplotlib", "jinja2", "tensorboard")
NEEDED += ("tqdm", "kaldialign", "pytest", "hypothesis")


def main() -> None:
    lacking = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if lacking:
        sys.exit(
            f"check.sh: error: {sys.executable} lacks {', '.join(lacking)}; bring them in a folder"
            " that tools/gpu/wheels.sh fills (--wheels FOLDER)"
        )
    if sys.argv[1] == "true":
        return
    import torch

    if not torch.cuda.is_available():
        sys.exit("check.sh: error: PyTorch finds no GPU; --dry tries it out on the CPU")


if __name__ == "__main__":
    main()
