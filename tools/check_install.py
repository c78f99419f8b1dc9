#!/usr/bin/env python3
"""Check that all packages that asda needs can be imported; print versions and devices."""

from __future__ import annotations

import importlib
import platform
import re
import sys
from importlib import metadata

# Modules whose name is not that of their package.
MODULES = {"pyyaml": "yaml", "scikit-learn": "sklearn", "docstring-parser": "docstring_parser"}


def requirements() -> dict[str, str]:
    """Return package -> requirement, as "numpy>=1.26", from the metadata of the installed asda."""
    found = {}
    for line in metadata.requires("asda") if is_installed("asda") else []:
        requirement, _, condition = line.partition(";")
        if "extra" not in condition:
            found[re.match(r"[\w-]+", requirement)[0].lower()] = requirement.strip()
    return found


def extras() -> dict[str, str]:
    """Return package -> extra, for example h5py -> hdf5, without those for developers."""
    found = {}
    for line in metadata.requires("asda") if is_installed("asda") else []:
        extra = re.search(r"extra == ['\"](\w+)", line)
        if extra and extra[1] != "dev":
            found[re.match(r"[\w-]+", line)[0]] = extra[1]
    return found


def problem_of(package: str, requirement: str) -> str | None:
    """Import a package; return one line that says what to install if that fails."""
    try:
        importlib.import_module(MODULES.get(package, package))
    except Exception as error:  # a broken binary package fails in many ways
        reason = " ".join(str(error).split()) or type(error).__name__
        return f"{package}: {reason[:150]} -- {cure(package, requirement)}"
    return None


def cure(package: str, requirement: str) -> str:
    """Return the command that repairs a package that cannot be imported."""
    pip = f"{sys.executable} -m pip install"
    if package == "asda":
        return f"{pip} --editable . (in the folder of the repository)"
    if package == "torchaudio" and is_installed("torch"):
        # Both must be built for the CPU, or both for CUDA.
        repair = f"{pip} --force-reinstall --no-deps '{requirement}'"
        return f"{repair} (from the package index of torch {metadata.version('torch')})"
    return f"{pip} --force-reinstall '{requirement}'"


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
    for package, requirement in {"asda": "asda", **requirements()}.items():
        problem = problem_of(package, requirement)
        if problem:
            problems.append(problem)
        else:
            print(f"{package} {metadata.version(package)}")
    for package, extra in extras().items():
        if is_installed(package):
            print(f"{package} {metadata.version(package)}")
        else:
            print(f"{package} not installed: optional, pip install 'asda[{extra}]'")
    if problems:
        sys.exit("\n".join(f"check_install: {problem}" for problem in problems))
    print(f"devices: {devices()}")


if __name__ == "__main__":
    main()
