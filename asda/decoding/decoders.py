"""The decoder that a configuration asks for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from asda.decoding.decoding_config import DecodingConfig
from asda.decoding.greedy import greedy
from asda.decoding.hypothesis import Hypothesis
from asda.decoding.ngram_scores import NGramScores
from asda.decoding.prefix_beam import PrefixBeamSearch
from asda.text.unit_model import UnitModel


def make_decoder(
    config: DecodingConfig, unit_model: UnitModel
) -> Callable[[np.ndarray], Hypothesis]:
    """Return the decoder of natural-log probabilities (steps, units) of one utterance.

    Args:
        config: method and its settings
        unit_model: the units, of which number 0 is the blank

    Raises:
        InputError: if the n-gram cannot be read, or KenLM is needed and is not installed.
    """
    if config.method == "greedy":
        return greedy
    pieces = unit_model.pieces
    ngram = None if config.lm is None else NGramScores(config.lm, pieces, config.lm_of)
    return PrefixBeamSearch(config, pieces, ngram)
