"""Read clips in threads while the network computes."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

T = TypeVar("T")
S = TypeVar("S")

TOGETHER = 8  # items that are read from one source before it is the turn of another
AHEAD = 8  # sources that each thread has begun to read


def read_ahead(
    sources: Iterable[S], read: Callable[[int, S], Iterator[T]], threads: int = 1
) -> Iterator[T]:
    """Yield the items of many sources, in order, that threads read ahead.

    At most `AHEAD` sources per thread are read ahead, `TOGETHER` items of each.

    Args:
        sources: to be read
        read: returns the items of a source, from its number and itself; called in a thread
        threads: number of threads
    """
    torch_threads = torch.get_num_threads()
    pool = ThreadPoolExecutor(threads, "reader", torch.set_num_threads, (1,))
    pending: deque[Future[tuple[list[T], Iterator[T]]]] = deque()
    try:
        for number, source in enumerate(sources):
            pending.append(pool.submit(_take, read(number, source)))
            if len(pending) > AHEAD * threads:
                yield from _items(pool, pending.popleft())
        while pending:
            yield from _items(pool, pending.popleft())
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(torch_threads)  # the threads have changed it for later ones


def _items(pool: ThreadPoolExecutor, future: Future[tuple[list[T], Iterator[T]]]) -> Iterator[T]:
    """Yield the items of one source, and let a thread read the next ones meanwhile."""
    items, rest = future.result()
    while len(items) == TOGETHER:
        following = pool.submit(_take, rest)
        yield from items
        items, rest = following.result()
    yield from items


def _take(items: Iterator[T]) -> tuple[list[T], Iterator[T]]:
    return list(itertools.islice(items, TOGETHER)), items
