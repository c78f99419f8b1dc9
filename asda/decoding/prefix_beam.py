"""CTC prefix beam search, with an n-gram if there is one."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence

import numpy as np

from asda.decoding.alignment import unit_steps
from asda.decoding.decoding_config import DecodingConfig
from asda.decoding.hypothesis import Hypothesis
from asda.decoding.ngram_scores import LmState, NGramScores
from asda.text.unit_model import BLANK, WORD_START

NEVER = -math.inf
Beam = dict["Prefix", list[float]]  # log probabilities of paths that end in a blank, and do not


class Prefix:
    """A sequence of units; there is one object for each, so that paths that spell it meet.

    Args:
        before: the sequence without its last unit, None = the empty sequence
        unit: the last unit
        extra: weighted n-gram scores and bonuses of the whole sequence
        lm_state: context of the n-gram, None = no n-gram
    """

    __slots__ = ("before", "extra", "following", "lm_state", "unit")

    def __init__(self, before: Prefix | None, unit: int, extra: float, lm_state: LmState | None):
        self.before, self.unit = before, unit
        self.extra, self.lm_state = extra, lm_state
        self.following: dict[int, Prefix] = {}

    def units(self) -> tuple[int, ...]:
        """Return the whole sequence."""
        found, prefix = [], self
        while prefix.before is not None:
            found.append(prefix.unit)
            prefix = prefix.before
        return tuple(reversed(found))


class PrefixBeamSearch:
    """Finds the most probable sequence of units, over all paths that spell it.

    The score of a sequence is log P(units | audio) + lm_weight log P(n-gram) + word_bonus · words.
    (A. Hannun et al., First-pass large vocabulary continuous speech recognition using
    bi-directional recurrent DNNs, 2014.) Words are scored when they end. Without the
    limits `beam` and `prune` the result is exact.

    Args:
        config: beam, pruning, weights
        pieces: text of each unit; "▁" begins a word
        ngram: scores of the n-gram, None = none
    """

    def __init__(
        self, config: DecodingConfig, pieces: Sequence[str], ngram: NGramScores | None = None
    ):
        self.config, self.ngram = config, ngram
        self.bonuses = [config.word_bonus * piece.startswith(WORD_START) for piece in pieces]

    def __call__(self, log_probs: np.ndarray) -> Hypothesis:
        """Return the best sequence of units.

        Args:
            log_probs: natural-log probabilities (steps, units) of one utterance; unit 0 is blank
        """
        start = None if self.ngram is None else self.ngram.start()
        beam: Beam = {Prefix(None, BLANK, 0.0, start): [0.0, NEVER]}
        for row in log_probs:
            beam = self._best(self._extended(beam, row))
        scores = {prefix: _total(parts) + self._ended(prefix) for prefix, parts in beam.items()}
        best = max(scores, key=lambda prefix: scores[prefix])
        units = best.units()
        return Hypothesis(units, unit_steps(log_probs, units), scores[best])

    def _extended(self, beam: Beam, row: np.ndarray) -> Beam:
        """Return all sequences after one more step.

        Args:
            beam: those before it
            row: log probabilities of the step, (units,)
        """
        blank, units = float(row[BLANK]), self._tried(row)
        floor = max(_total(parts) + prefix.extra for prefix, parts in beam.items())
        floor += float(row.max()) - self.config.prune
        longer: Beam = {}
        for prefix, (in_blank, in_unit) in beam.items():
            total = _log_add(in_blank, in_unit)
            _add(longer, prefix, 0, total + blank)
            if prefix.before is not None:
                _add(longer, prefix, 1, in_unit + float(row[prefix.unit]))
            for unit, log_prob in units:
                if total + log_prob + prefix.extra < floor:
                    break  # the following units are less probable
                # A repeated unit is the same unit going on unless a blank lies in between.
                source = in_blank if unit == prefix.unit else total
                if source > NEVER:
                    _add(longer, self._following(prefix, unit), 1, source + log_prob)
        return longer

    def _tried(self, row: np.ndarray) -> list[tuple[int, float]]:
        """Return units by which sequences may grow, and their log probabilities, best first."""
        units = np.flatnonzero(row[1:] >= row.max() - self.config.prune) + 1
        units = units[np.argsort(-row[units], kind="stable")]
        return list(zip(units.tolist(), row[units].tolist(), strict=True))

    def _following(self, prefix: Prefix, unit: int) -> Prefix:
        known = prefix.following.get(unit)
        if known is None:
            extra, state = prefix.extra + self.bonuses[unit], prefix.lm_state
            if self.ngram is not None and state is not None:
                score, state = self.ngram.extended(state, unit)
                extra += self.config.lm_weight * score
            known = prefix.following[unit] = Prefix(prefix, unit, extra, state)
        return known

    def _best(self, beam: Beam) -> Beam:
        """Return as many sequences as the beam holds, the first found of equally good ones."""
        if len(beam) <= self.config.beam:
            return beam
        kept = heapq.nlargest(
            self.config.beam, beam.items(), key=lambda item: _total(item[1]) + item[0].extra
        )
        return dict(kept)

    def _ended(self, prefix: Prefix) -> float:
        """Return the weighted scores of a sequence with the end of the utterance after it."""
        if self.ngram is None or prefix.lm_state is None:
            return prefix.extra
        return prefix.extra + self.config.lm_weight * self.ngram.end(prefix.lm_state)


def _add(beam: Beam, prefix: Prefix, part: int, log_prob: float) -> None:
    parts = beam.get(prefix)
    if parts is None:
        parts = beam[prefix] = [NEVER, NEVER]
    parts[part] = _log_add(parts[part], log_prob)


def _total(parts: list[float]) -> float:
    return _log_add(parts[0], parts[1])


def _log_add(first: float, second: float) -> float:
    """Return log(exp(first) + exp(second))."""
    if first < second:
        first, second = second, first
    return first if second == NEVER else first + math.log1p(math.exp(second - first))
