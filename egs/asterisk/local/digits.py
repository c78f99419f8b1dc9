"""Digits of the prompts' texts as the words that are spoken."""

from __future__ import annotations

import re

WORDS = {
    "en": "zero one two three four five six seven eight nine",
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve",
    "fr": "zéro un deux trois quatre cinq six sept huit neuf",
    "it": "zero uno due tre quattro cinque sei sette otto nove",
    "ru": "ноль один два три четыре пять шесть семь восемь девять",
}
# The lists do not state how longer numbers are read ("8500" in English, "28.8", "H.323").
SINGLE_DIGIT = re.compile(r"(?<![\w-])(?<!\d[.,:])\d(?![\w-]|[.,:]\d)")


def spell_digits(text: str, language: str) -> str:
    """Write digits that stand alone as words: "press 1" is "press one"."""
    words = WORDS[language].split()
    return SINGLE_DIGIT.sub(lambda found: words[int(found[0])], text)
