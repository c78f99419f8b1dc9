#!/usr/bin/env python3
"""Check that all that asda needs is there and works together; print versions and devices."""

from __future__ import annotations

import importlib
import platform
import re
import sys
from importlib import metadata

# package: module
REQUIRED = {
    "asda": "asda",
    "torch": "torch",
    "torchaudio": "torchaudio",
    "numpy": "numpy",
    "kaldiio": "kaldiio",
    "sentencepiece": "sentencepiece",
    "pyyaml": "yaml",
    "soundfile": "soundfile",
    "soxr": "soxr",
    "jsonargparse": "jsonargparse",
    "docstring-parser": "docstring_parser",
    "scikit-learn": "sklearn",
    "matplotlib": "matplotlib",
    "tensorboard": "tensorboard",
    "tqdm": "tqdm",
    "pytest": "pytest",
}


def problem_of(package: str, module: str) -> str | None:
    """Import a module; return one line that says what to install if that fails."""
    try:
        importlib.import_module(module)
    except Exception as error:  # a broken binary package fails in many ways
        reason = " ".join(str(error).split()) or type(error).__name__
        return f"{package}: {reason[:150]} -- {cure(package)}"
    return None


def cure(package: str) -> str:
    """Return the command that repairs a package that cannot be imported."""
    pip = f"{sys.executable} -m pip install"
    if package == "asda":
        return f"{pip} --editable . (in the folder of the repository)"
    if package == "torchaudio" and is_installed("torch"):
        # built against one version of torch, and for CPU or one CUDA version as torch is
        number = metadata.version("torch").partition("+")[0]
        again = f"{pip} --force-reinstall --no-deps torchaudio=={number}"
        return f"{again} (from the same index as torch {metadata.version('torch')})"
    return f"{pip} --force-reinstall '{wanted(package)}'"


def wanted(package: str) -> str:
    """Return the requirement that asda's own metadata has for a package, as "numpy>=1.26"."""
    requirements = metadata.requires("asda") or [] if is_installed("asda") else []
    found = (line for line in requirements if re.match(r"[\w-]+", line)[0] == package)
    return next(found, package)


def is_installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def devices() -> str:
    import torch

    found = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return ", ".join([f"CPU with {torch.get_num_threads()} threads", *found])


def main() -> None:
    print(f"python {platform.python_version()} in {sys.prefix}")
    problems = []
    for package, module in REQUIRED.items():
        problem = problem_of(package, module)
        if problem:
            problems.append(problem)
        else:
            print(f"{package} {metadata.version(package)}")
    if problems:
        sys.exit("\n".join(f"check_install: {problem}" for problem in problems))
    print(f"devices: {devices()}")


if __name__ == "__main__":
    main()
