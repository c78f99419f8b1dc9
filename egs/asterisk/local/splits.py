"""Divide prompts into training, validation and test set, and choose subsets for training."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from prompts import Prompt

from asda.text.text_rules import TextRules

# Of 100 parts of the prompts, by a hash of their names.
TEST, VALID = range(10), range(10, 20)


def divide(prompts: Iterable[Prompt]) -> dict[str, list[Prompt]]:
    """Return set -> prompts. A prompt is in one set in all languages, and so are equal texts.

    The set follows from the name alone, so it stays when other prompts come or go, unless these
    have the same text.
    """
    sets: dict[str, list[Prompt]] = {"train": [], "valid": [], "test": []}
    prompts = list(prompts)
    groups = groups_of(prompts)
    for prompt in prompts:
        part = int(digest(groups[prompt.name]), 16) % 100
        sets["test" if part in TEST else "valid" if part in VALID else "train"].append(prompt)
    return sets


def groups_of(prompts: Iterable[Prompt]) -> dict[str, str]:
    """Return name -> first name of its group: prompts that share a text in any language."""
    parent: dict[str, str] = {}

    def first(name: str) -> str:
        while parent.setdefault(name, name) != name:
            name = parent[name]
        return name

    words_of = TextRules()  # texts are compared as the units get them
    owner: dict[str, str] = {}
    for prompt in sorted(prompts, key=lambda prompt: prompt.name):
        one, other = first(prompt.name), first(owner.setdefault(words_of(prompt.text), prompt.name))
        parent[max(one, other)] = min(one, other)
    return {name: first(name) for name in parent}


def digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
