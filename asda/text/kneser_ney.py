"""N-gram language models by interpolated Kneser-Ney smoothing, as ARPA files.

KenLM, which reads them, comes without its estimator in Python packages.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from asda.files import write_lines

BEGIN, END, UNKNOWN = "<s>", "</s>", "<unk>"
NO_PROBABILITY = -99.0  # log10, as written for <s>, which is never predicted
Gram = tuple[str, ...]


class KneserNey:
    """Interpolated Kneser-Ney model with one discount per order.

    p(w | h) = max(c(h w) − D, 0) / c(h) + D · types(h) / c(h) · p(w | h without its first token),
    where c counts n-grams at the highest order, and at the others the different tokens before them
    (or the n-grams themselves at the beginning of a sentence, where nothing comes before). Below
    order 1 all tokens are equally probable. D = n1 / (n1 + 2 n2), with n1 and n2 n-grams that occur
    once and twice. (R. Kneser and H. Ney, Improved backing-off for m-gram language modeling, 1995;
    H. Ney et al., On structuring probabilistic dependences in stochastic language modelling, 1994.)

    Args:
        sentences: tokens of each
        order: longest n-gram, 2 or more
        vocabulary: tokens that have a probability although they may not occur

    Attributes:
        probabilities: for each order from 1, n-gram -> probability of its last token
        backoffs: n-gram -> weight of the next lower order after it
    """

    def __init__(
        self, sentences: Iterable[Sequence[str]], order: int, vocabulary: Iterable[str] = ()
    ):
        raw = _counts(sentences, order)
        known = {token for (token,) in raw[0]} | {*vocabulary, UNKNOWN, END}
        self.vocabulary = sorted(known - {BEGIN})
        self.backoffs: dict[Gram, float] = {}
        self.probabilities: list[dict[Gram, float]] = []
        for n in range(1, order + 1):
            counts = raw[n - 1] if n == order else _continuations(raw[n - 1], raw[n])
            self.probabilities.append(self._interpolated(counts))

    def _interpolated(self, counts: dict[Gram, int]) -> dict[Gram, float]:
        """Return the probabilities of one order, whose lower orders are there."""
        discount = _discount(counts)
        totals: Counter[Gram] = Counter()
        types: Counter[Gram] = Counter()
        for gram, count in counts.items():
            totals[gram[:-1]] += count
            types[gram[:-1]] += 1
        for context, total in totals.items():
            self.backoffs[context] = discount * types[context] / total
        if not self.probabilities:
            counts = {(token,): counts.get((token,), 0) for token in self.vocabulary}
        return {
            gram: max(count - discount, 0) / totals[gram[:-1]]
            + self.backoffs[gram[:-1]] * self._lower(gram[1:])
            for gram, count in counts.items()
        }

    def _lower(self, gram: Gram) -> float:
        return self.probabilities[len(gram) - 1][gram] if gram else 1 / len(self.vocabulary)

    def write(self, path: str | Path) -> None:
        """Write the model as an ARPA file, whole or not at all."""
        write_lines(path, self._lines())

    def _lines(self) -> Iterator[str]:
        orders = [dict(grams) for grams in self.probabilities]
        orders[0][(BEGIN,)] = 10**NO_PROBABILITY
        yield "\\data\\"
        yield from (f"ngram {n}={len(grams)}" for n, grams in enumerate(orders, 1))
        for n, grams in enumerate(orders, 1):
            yield from ("", f"\\{n}-grams:")
            for gram in sorted(grams):
                line = f"{math.log10(grams[gram]):.8g}\t{' '.join(gram)}"
                backoff = self.backoffs.get(gram)
                yield line if backoff is None else f"{line}\t{math.log10(backoff):.8g}"
        yield from ("", "\\end\\")


def _counts(sentences: Iterable[Sequence[str]], order: int) -> list[Counter[Gram]]:
    """Return how often each n-gram of each order from 1 occurs."""
    counts: list[Counter[Gram]] = [Counter() for _ in range(order)]
    for sentence in sentences:
        tokens = [BEGIN, *sentence, END]
        for n, counter in enumerate(counts, 1):
            counter.update(zip(*(tokens[first:] for first in range(n)), strict=False))
    return counts


def _continuations(counts: dict[Gram, int], longer: Iterable[Gram]) -> dict[Gram, int]:
    """Return in how many different tokens each n-gram is preceded by; see the class."""
    before = Counter(gram[1:] for gram in longer)
    found = {gram: count if gram[0] == BEGIN else before[gram] for gram, count in counts.items()}
    found.pop((BEGIN,), None)
    return found


def _discount(counts: dict[Gram, int]) -> float:
    times = Counter(counts.values())
    if not (times[1] and times[2]):  # in small texts
        return 0.5
    return times[1] / (times[1] + 2 * times[2])
