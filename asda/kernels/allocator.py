"""What the C library does with memory that is freed."""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h
LARGEST_MMAP_THRESHOLD = 2**25  # that the GNU C library takes


def keep_freed_memory() -> None:
    """Have the C library keep memory that tensors free, up to the peak, instead of giving it back.

    A training step on a CPU frees hundreds of MB and soon asks for them again; each page that was
    given back would be faulted in anew. Without effect where the C library has no such setting.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGEST_MMAP_THRESHOLD)
        mallopt(M_TRIM_THRESHOLD, -1)
