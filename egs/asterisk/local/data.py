#!/usr/bin/env python3
"""Data directories of Asterisk's prompts in five languages.

usage: local/data.py DIR DATA

DIR has upstream's archives unpacked as DIR/LANGUAGE, or Debian's packages as DIR/usr. The script
writes DATA/{all,train,valid,test}, DATA/test_LANGUAGE, the subsets DATA/train_{30,10} of the
training set (per cent of the prompts of each language), and the list DATA/left_out.tsv. Texts are
as upstream wrote them, except that single digits become words; the label of an utterance is its
language.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path

from prompts import VOICES, Prompt, Remark, read_language, sort_out
from splits import divide

from asda.corpus.partition import hashed_share
from asda.corpus.write import write_data_dir
from asda.files import plural, write_lines
from asda.script import run_main

SHARES = (30, 10)


def write(folder: Path, prompts: Iterable[Prompt]) -> None:
    """Write one data directory."""
    by_utterance = {prompt.utterance: prompt for prompt in prompts}
    languages = {utterance: prompt.language for utterance, prompt in by_utterance.items()}
    tables = {
        "wav.scp": {utterance: str(prompt.path) for utterance, prompt in by_utterance.items()},
        "text": {utterance: prompt.text for utterance, prompt in by_utterance.items()},
        "utt2dur": {
            utterance: str(round(prompt.seconds, 6)) for utterance, prompt in by_utterance.items()
        },
        "utt2lang": languages,
        "utt2label": languages,
    }
    speakers = {utterance: prompt.speaker for utterance, prompt in by_utterance.items()}
    write_data_dir(folder, tables, list(VOICES), speakers)


def write_sets(prompts: Collection[Prompt], data: Path) -> None:
    """Write all sets, the tests of single languages, and the subsets for training."""
    write(data / "all", prompts)
    sets = divide(prompts)
    for name, members in sets.items():
        write(data / name, members)
        print(f"{name}: {sizes_of(members)}")
    for language in VOICES:
        write(data / f"test_{language}", of_language(sets["test"], language))
    groups = [[prompt.utterance for prompt in of_language(sets["train"], one)] for one in VOICES]
    for percent in SHARES:
        chosen = {*hashed_share(groups, percent)}
        members = [prompt for prompt in sets["train"] if prompt.utterance in chosen]
        write(data / f"train_{percent}", members)
        print(f"train_{percent}: {sizes_of(members)}")


def of_language(prompts: Iterable[Prompt], language: str) -> list[Prompt]:
    return [prompt for prompt in prompts if prompt.language == language]


def sizes_of(prompts: Collection[Prompt]) -> str:
    """Return the size of a set, in all and of each language."""
    counts = Counter(prompt.language for prompt in prompts)
    minutes = sum(prompt.seconds for prompt in prompts) / 60
    each = ", ".join(f"{language} {counts[language]}" for language in VOICES)
    return f"{len(prompts)} prompts ({each}), {minutes:.1f} minutes"


def write_remarks(path: Path, remarks: Collection[Remark]) -> None:
    """List the prompts that are not used as they are, and print how many there are of each kind."""
    rows = [Remark("language", "prompt", "reason", "text"), *remarks]
    write_lines(path, ("\t".join(row) for row in rows))
    counts = Counter(remark.reason for remark in remarks)
    for reason, count in counts.most_common():
        print(f"{count} {plural(count, 'prompt')}: {reason}")
    print(f"they are listed in {path}")


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder, data = Path(sys.argv[1]), Path(sys.argv[2])
    prompts, remarks = sort_out([read_language(folder, name) for name in VOICES])
    write_sets(prompts, data)
    write_remarks(data / "left_out.tsv", remarks)


if __name__ == "__main__":
    run_main(main)
