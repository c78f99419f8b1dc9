"""Runs several commands of asda in one process, as test_two_processes.py asks torchrun to."""

import json
import os
import sys

from asda.cli import main

if __name__ == "__main__":
    first, *others = json.loads(sys.argv[1])
    main(first)
    # torchrun's own store serves one process group; each of the others gets one at a free port
    os.environ["TORCHELASTIC_USE_AGENT_STORE"] = "False"
    for port, words in zip(sys.argv[2:], others, strict=True):
        os.environ["MASTER_PORT"] = port
        main(words)
