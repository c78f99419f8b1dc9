"""The corpora of one pretraining and their shares (typed configuration, no torch import)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from asda.unread_settings import only_with

NAME = re.compile(r"[A-Za-z0-9_-]+")  # also a part of names of numbers in logs and of files
PARTS = 1000  # parts into which shares by size are rounded


@dataclass
class CorpusConfig:
    """One of the corpora that a model is pretrained on.

    Args:
        train: data directory to train on
        valid: data directory for validation
        dump: folder with the features of these directories (null = the dump of the whole run)
        fbank: feature configuration, by which features are computed from audio, without a dump
            (null = that of the whole run)
        share: share of the batches that come from this corpus, in proportion to the shares of the
            others (null for all corpora = the shares follow their sizes, see share_temperature)
    """

    train: str
    valid: str | None = None
    dump: str | None = only_with(None, fbank=None)
    fbank: str | None = None
    share: float | None = None

    def __post_init__(self) -> None:
        if self.share is not None and not 0 < self.share < math.inf:
            raise ValueError(
                f"the share of {self.train} must be a number above 0, not {self.share:g};"
                " leave the corpus out to train without it"
            )


def check_corpora(corpora: Mapping[str, CorpusConfig]) -> None:
    """Refuse names that cannot stand in a log, and shares that only some corpora have.

    Raises:
        ValueError: naming the corpus.
    """
    for name in corpora:
        if not NAME.fullmatch(name):
            raise ValueError(
                f"corpora: the name '{name}' must consist of letters, digits, '_' and '-'"
            )
    without = [name for name, corpus in corpora.items() if corpus.share is None]
    if without and len(without) < len(corpora):
        raise ValueError(
            f"corpora.{without[0]} has no share, but others have one: give all of them a share, or"
            " none, so that shares follow the sizes of the corpora"
        )


def whole_shares(
    corpora: Sequence[CorpusConfig], sizes: Sequence[int], temperature: float
) -> list[int]:
    """Return shares as whole numbers without a common divisor.

    Args:
        corpora: all with a share, or all without
        sizes: clips of each
        temperature: shares that are not given are in proportion to size ** temperature, rounded to
            thousandths of the whole, but never to 0
    """
    given = [Fraction(str(c.share)) for c in corpora if c.share is not None]
    if not given:
        powers = [size**temperature for size in sizes]
        given = [Fraction(max(1, round(PARTS * power / sum(powers)))) for power in powers]
    whole = [int(share * math.lcm(*(s.denominator for s in given))) for share in given]
    return [share // math.gcd(*whole) for share in whole]
