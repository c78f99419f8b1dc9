"""How transcripts are normalised before they become units (no torch import)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Literal

ZERO_WIDTH_SPACE = "\u200b"  # where words end in scripts without spaces
BRACKETED = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|<[^<>]*>|\{[^{}]*\}")


@dataclass
class TextRules:
    """Normalisation of transcripts, applied in the order of the settings.

    What remains are words of letters, digits and `keep`, separated by one space each.

    Args:
        unicode: Unicode normalisation form; NFKC also replaces ligatures, full-width characters and
            similar forms by ordinary ones
        brackets: "drop" removes what stands in brackets, such as [noise] or (laughs); "keep" keeps
            the words in them
        replace: pairs of a text and what is spoken instead, for example {"%": " percent "}; longer
            texts are replaced first
        lowercase: whether everything is written in lower case
        keep: characters that are part of words besides letters, combining marks and digits; all
            others separate words. A typographic apostrophe (’) counts as '. Invisible characters
            that tell how to write (soft hyphens, joiners, directions) are removed unless they are
            here, as the non-joiner of Persian (U+200C) may well be
    """

    unicode: Literal["NFC", "NFKC"] = "NFKC"
    brackets: Literal["drop", "keep"] = "drop"
    replace: dict[str, str] = field(default_factory=dict)
    lowercase: bool = True
    keep: str = "'"

    def __call__(self, text: str) -> str:
        """Return the normalised text, "" if nothing is spoken."""
        text = unicodedata.normalize(self.unicode, text).replace("’", "'")
        heard = self.keep + ZERO_WIDTH_SPACE
        text = "".join(one for one in text if one in heard or unicodedata.category(one) != "Cf")
        if self.brackets == "drop":
            text = _without_brackets(text)
        for written in sorted(self.replace, key=len, reverse=True):
            text = text.replace(written, self.replace[written])
        if self.lowercase:
            text = text.lower()
        words = "".join(one if self._in_word(one) else " " for one in text).split()
        # A word needs a letter or digit: a lone apostrophe or hyphen is punctuation.
        return " ".join(word for word in words if any(map(str.isalnum, word)))

    def _in_word(self, character: str) -> bool:
        return unicodedata.category(character)[0] in "LMN" or character in self.keep


def _without_brackets(text: str) -> str:
    while (shorter := BRACKETED.sub(" ", text)) != text:  # from the innermost outwards
        text = shorter
    return text
