"""What the C library does with memory that has been freed."""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # parameters of mallopt, from malloc.h
LARGEST_MMAP_THRESHOLD = 2**25  # the largest value that the GNU C library accepts


def keep_freed_memory() -> None:
    """Have the C library keep the memory of freed tensors instead of returning it to the system.

    A training step on a CPU frees hundreds of MB and soon allocates them again, and each page that
    was returned would have to be faulted in again. This is a setting of the whole process, so
    training commands call it where they start, and the library never does. Without effect where
    the C library has no such setting.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGEST_MMAP_THRESHOLD)
        mallopt(M_TRIM_THRESHOLD, -1)
