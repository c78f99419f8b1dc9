"""Memory that a step freed serves the next one."""

import platform
import subprocess
import sys

import pytest

# Pages of the second of two rounds that each take 320 MB and free them.
ROUNDS = """
import resource, torch
from asda.kernels.allocator import keep_freed_memory
{call}
def faults_of_round():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    tensors = [torch.ones(2**21) for _ in range(40)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults_of_round()
print(faults_of_round())
"""


def faults(call: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", ROUNDS.format(call=call)], capture_output=True, check=True
    )
    return int(done.stdout)


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of the GNU C library")
def test_freed_memory_is_not_given_back():
    kept, given_back = faults("keep_freed_memory()"), faults("")
    assert kept < given_back / 2
