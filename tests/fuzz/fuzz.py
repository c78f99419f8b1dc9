"""Fuzz one reader: fuzz.py READER [options and folders of libFuzzer]; see README.md."""

import os
import resource
import sys
import tempfile
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parent.parent.parent
MEMORY = 8 << 30  # bytes of address space: what asks for more gets a MemoryError

sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]
os.environ["ASDA_NO_PIPES"] = "1"
os.environ["PATH"] = ""  # without ffmpeg, which is slow to start and not ours
with atheris.instrument_imports(include=["asda", "kaldiio"]):
    import readers


def main() -> None:
    name = sys.argv.pop(1)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        folder = Path(scratch) / "f"
        atheris.Setup(sys.argv, lambda data: readers.check(name, data, folder))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
