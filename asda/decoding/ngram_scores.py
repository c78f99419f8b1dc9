"""An n-gram language model that scores sequences of units (KenLM)."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from asda.configuration import one_line
from asda.extras import require
from asda.files import InputError
from asda.text.unit_model import WORD_START

TO_NATURAL = math.log(10)  # n-gram files hold logarithms to base 10


class LmState(NamedTuple):
    """What the score of the next unit depends on.

    Args:
        context: state of KenLM
        word: the word that has begun, "" = none
    """

    context: Any
    word: str


class NGramScores:
    """Natural-log probabilities of units by an n-gram of words or of units.

    A word counts when the next one begins, or the utterance ends.

    Args:
        path: an ARPA file, or a binary of KenLM
        pieces: text of each unit; "▁" begins a word
        tokens: what the tokens of the n-gram are

    Raises:
        InputError: if the file is missing or is no n-gram, or KenLM is not installed.
    """

    def __init__(self, path: str | Path, pieces: Sequence[str], tokens: Literal["words", "units"]):
        self.model = _read(path)
        self.pieces, self.of_words = pieces, tokens == "words"

    def start(self) -> LmState:
        """Return the state at the beginning of an utterance."""
        context = self._new_context()
        self.model.BeginSentenceWrite(context)
        return LmState(context, "")

    def extended(self, state: LmState, unit: int) -> tuple[float, LmState]:
        """Return what one more unit adds to the score, and the state after it."""
        piece = self.pieces[unit]
        if not self.of_words:
            score, context = self._token(state.context, piece)
            return score, LmState(context, "")
        if not piece.startswith(WORD_START):
            return 0.0, LmState(state.context, state.word + piece)
        score, context = self._word(state)
        return score, LmState(context, piece[1:])

    def end(self, state: LmState) -> float:
        """Return what the end of the utterance adds to the score."""
        score, context = self._word(state)
        return score + self._token(context, "</s>")[0]

    def _word(self, state: LmState) -> tuple[float, Any]:
        return self._token(state.context, state.word) if state.word else (0.0, state.context)

    def _token(self, context: Any, token: str) -> tuple[float, Any]:
        after = self._new_context()
        return TO_NATURAL * self.model.BaseScore(context, token, after), after

    def _new_context(self) -> Any:
        import kenlm

        return kenlm.State()


def _read(path: str | Path) -> Any:
    require("ngram", ["kenlm"])
    import kenlm

    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; make an n-gram with asda ngram")
    settings = kenlm.Config()
    settings.show_progress = False
    settings.arpa_complain = kenlm.ARPALoadComplain.NONE
    try:
        return kenlm.Model(str(path), settings)
    except (OSError, RuntimeError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: not an n-gram that KenLM can read ({_fault(error)}); make it again"
        ) from None


def _fault(error: Exception) -> str:
    """Return what KenLM complains of, without the name of the function that found it."""
    return re.sub(r"^Cannot read model '.*?' \((.* threw \w+\.)?", "", one_line(error)).strip(" .)")
