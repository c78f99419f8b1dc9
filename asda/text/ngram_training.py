"""Estimate an n-gram language model on transcripts."""

from __future__ import annotations

from pathlib import Path

from asda.files import InputError, plural, refuse_overwriting
from asda.text.kneser_ney import KneserNey
from asda.text.ngram_config import NgramConfig
from asda.text.transcripts import read_sentences
from asda.text.unit_model import BLANK_PIECE, UnitModel


def train_ngram(config: NgramConfig) -> None:
    """Write the n-gram model of the texts as an ARPA file.

    Raises:
        InputError: if the texts have no words, or `out` is one of them.
    """
    sources = config.text.split()
    refuse_overwriting(config.out, sources)
    units = UnitModel.load(config.units)
    texts = [text for text in read_sentences(sources) if units.rules(text)]
    if not texts:
        raise InputError(f"{config.text}: no words in these texts, so there are no n-grams")
    if config.of == "words":
        model = KneserNey([units.rules(text).split() for text in texts], config.order)
    else:
        sentences = [[units.pieces[unit] for unit in units.encode(text)] for text in texts]
        model = KneserNey(sentences, config.order, set(units.pieces) - {BLANK_PIECE})
    model.write(config.out)
    numbers = ", ".join(f"{len(grams)} {n}-grams" for n, grams in enumerate(model.probabilities, 1))
    source = f"{len(texts)} {plural(len(texts), 'sentence')}"
    print(f"{Path(config.out)}: {numbers} of {config.of} from {source}")
