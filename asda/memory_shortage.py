"""Errors that mean too little memory, which libraries raise in many forms and with many lines."""

from __future__ import annotations

import resource

MARKS = (  # of the errors of torch, Python and the loader of libraries
    "can't allocate memory",
    "Cannot allocate memory",
    "can't start new thread",
    "failed to map segment from shared object",
)
AMBIGUOUS = "could not create a primitive"  # oneDNN says no more, and also on other errors
REMEDY = (
    "use a smaller batch (data.batch_size, --batch-size), fewer workers (data.workers) or fewer"
    " jobs (--nj), or end other programs; then repeat the call"
)


def memory_shortage(error: BaseException) -> str | None:
    """Return in one line what an error says about memory; None if it is about something else.

    torch has a class of its own for GPUs, which is told by its name since the command line does not
    import torch, and raises RuntimeError on the CPU.
    """
    if type(error).__name__ == "OutOfMemoryError":
        return f"the memory of the GPU is too small: {REMEDY}"
    marks = [*MARKS, AMBIGUOUS] if _is_limited() else MARKS
    if isinstance(error, MemoryError) or any(mark in str(error) for mark in marks):
        return f"there is too little memory: {REMEDY}"
    return None


def _is_limited() -> bool:
    """Return whether the memory of this process is limited, as by `ulimit -v`."""
    return resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY
