#!/usr/bin/env python3
"""Time to import asda and to print the help of each command, and whether this imports torch.

Usage: tools/bench/startup.py [--rounds 7]

The baseline is `import torch` alone, a lower bound for programs that import it at the top of their
modules. The floor is starting Python.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from statistics import median

from asda.cli import VERBS
from asda.commands.number_types import positive

FLOOR, BASELINE = "python -c 'pass'", "python -c 'import torch'"
COMMANDS = {
    FLOOR: ["-c", "pass"],
    BASELINE: ["-c", "import torch"],
    "python -c 'import asda'": ["-c", "import asda"],
    "asda --help": ["-m", "asda", "--help"],
    **{f"asda {verb} --help": ["-m", "asda", verb, "--help"] for verb in VERBS},
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=positive, default=7, help="runs per command")
    arguments = parser.parse_args()
    # Also fills the disk cache, so that the first timed run is like the others.
    torch = {what: imports_torch(words) for what, words in COMMANDS.items()}
    runs: dict[str, list[tuple[float, float]]] = {what: [] for what in COMMANDS}
    for _ in range(arguments.rounds):
        for what, words in COMMANDS.items():
            runs[what].append(measure(words))
    print(f"best and median of {arguments.rounds} runs; {os.cpu_count()} cores")
    print(f"{'':<32}{'best s':>8}{'median s':>10}{'CPU s':>8}{'ratio':>7}{'torch':>7}")
    slowest = min(wall for wall, _ in runs[BASELINE])
    for what in COMMANDS:
        walls, cpus = zip(*runs[what], strict=True)
        print(
            f"{what:<32}{min(walls):>8.3f}{median(walls):>10.3f}{median(cpus):>8.3f}"
            f"{slowest / min(walls):>7.1f}{'yes' if torch[what] else 'no':>7}"
        )


def measure(words: list[str]) -> tuple[float, float]:
    """Run Python; return wall and CPU time in seconds."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if status:
        sys.exit(f"failed: python {' '.join(words)}")
    return wall, usage.ru_utime + usage.ru_stime


def imports_torch(words: list[str]) -> bool:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *words], capture_output=True, text=True, check=True
    )
    return any(line.split("|")[-1].strip() == "torch" for line in done.stderr.splitlines())


if __name__ == "__main__":
    main()
