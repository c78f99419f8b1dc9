"""Units of recognition: the pieces of a sentencepiece model, with the rules of its texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from asda.configuration import build, read_yaml, to_dict
from asda.files import InputError
from asda.text.text_rules import TextRules

BLANK, UNKNOWN = 0, 1  # numbers of the first two units
BLANK_PIECE, UNKNOWN_PIECE = "<blank>", "<unk>"
WORD_START = "▁"  # how sentencepiece writes the space before a word
MODEL, LISTED, SETTINGS = "units.model", "units.txt", "units.yaml"


class UnitModel:
    """Turns text into numbers of units and back.

    Unit 0 is the blank of CTC, unit 1 stands for what the model does not know.

    Args:
        model: a serialised sentencepiece model, as `asda units` trains it
        rules: normalisation of texts
        path: names the model in messages

    Raises:
        InputError: if it is not such a model.
    """

    def __init__(self, model: bytes, rules: TextRules, path: str | Path = "units"):
        from sentencepiece import SentencePieceProcessor  # takes a while, and few commands need it

        self.model, self.rules = model, rules
        try:
            self._processor = SentencePieceProcessor(model_proto=model)
            self.pieces: list[str] = [
                self._processor.id_to_piece(number)
                for number in range(self._processor.get_piece_size())
            ]
        except (RuntimeError, TypeError):
            raise InputError(f"{path}: not a sentencepiece model") from None
        if self.pieces[:2] != [BLANK_PIECE, UNKNOWN_PIECE]:
            raise InputError(
                f"{path}: its first pieces are {self.pieces[:2]}; units for CTC begin with"
                f" {BLANK_PIECE} and {UNKNOWN_PIECE}, as asda units makes them"
            )

    @classmethod
    def load(cls, folder: str | Path) -> UnitModel:
        """Read the folder that `asda units` writes.

        Raises:
            InputError: if a file is missing or damaged.
        """
        path = Path(folder) / MODEL
        if not path.is_file():
            raise InputError(f"{path}: no such file; train the units first: asda units")
        settings = Path(folder) / SETTINGS
        rules = build(TextRules, read_yaml(settings).get("rules", {}), str(settings))
        return cls(path.read_bytes(), rules, path)

    @classmethod
    def of_content(cls, content: dict[str, Any], path: str | Path) -> UnitModel:
        """Return the units that `content` describes, for example in a model.pt.

        Raises:
            InputError: if there are none in it.
        """
        if not isinstance(content.get("model"), bytes):
            raise InputError(f"{path}: holds no units")
        return cls(content["model"], build(TextRules, content.get("rules", {}), str(path)), path)

    def content(self) -> dict[str, Any]:
        """Return the units as plain values."""
        return {"model": self.model, "rules": to_dict(self.rules)}

    def __len__(self) -> int:
        return len(self.pieces)

    def encode(self, text: str) -> list[int]:
        """Return the units of a text, which is normalised first."""
        numbers: list[int] = self._processor.encode(self.rules(text))
        return numbers

    def decode(self, units: Iterable[int]) -> str:
        """Return the text of units; what the model does not know is written as <unk>."""
        pieces = (self.pieces[number] for number in units if number != BLANK)
        return " ".join("".join(pieces).replace(WORD_START, " ").split())

    @property
    def are_words(self) -> bool:
        """Whether each unit is a whole word, whose characters are no units."""
        return all(len(piece) > 1 and piece[0] == WORD_START for piece in self.pieces[2:])

    def unknown(self, text: str) -> set[str]:
        """Return the characters of a text, or words, that the model does not know."""
        text = self.rules(text)
        numbers, pieces = self._processor.encode(text), self._processor.encode(text, out_type=str)
        found = [piece for number, piece in zip(numbers, pieces, strict=True) if number == UNKNOWN]
        words = WORD_START.join(found).split(WORD_START)  # neighbours come as one piece
        return set(words if self.are_words else "".join(words)) - {""}

    def describe(self) -> str:
        """Return the number of units with the first few of them."""
        shown: Sequence[str] = self.pieces[2:8]
        return f"{len(self)} units ({' '.join(shown)} ...)"
