#!/usr/bin/env python3
"""Print docs/settings.md, every setting with its type, default and meaning, from the dataclasses.

Usage: tools/settings_page.py > docs/settings.md
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Iterator
from typing import Any

import docstring_parser

from asda.features.fbank_config import FbankConfig
from asda.probing.probe_config import ProbeConfig
from asda.scoring.score_config import BaselineConfig, ScoreConfig
from asda.text.ngram_config import NgramConfig
from asda.text.units_config import UnitsConfig
from asda.training.ctc_config import CtcConfig
from asda.training.run_config import FinetuneConfig, PretrainConfig
from asda.unread_settings import condition

COMMANDS = {
    "pretrain": PretrainConfig,
    "finetune": FinetuneConfig,
    "finetune-ctc": CtcConfig,
    "units": UnitsConfig,
    "ngram": NgramConfig,
    "score": ScoreConfig,
    "baseline": BaselineConfig,
    "probe": ProbeConfig,
}
START = """# Settings

Printed by `tools/settings_page.py` from the configuration dataclasses; do not edit.

Settings are written in a YAML file (`--config`), with one level of indentation per dot of the key,
or as options (`--optimizer.lr 1e-3`), which override the file. In a recipe the files are in
`conf/`, and options go through `--pretrain-args` and `--finetune-args`. Unknown keys are refused.
`null` means that the value follows from other settings, as described.

Some settings have an effect only beside certain values of others, as the end of their meaning says:
"only with `kind` vit" means only if `kind` is vit, "not with `lm` null" means unless `lm` is null.
A setting without effect may have its default or 0; any other value is refused.

`asda pretrain --print_config` prints all settings of a command with their values.
"""


def page() -> str:
    """Return the page in Markdown."""
    sections: dict[str, tuple[type, list[str]]] = {}
    text = [START]
    for command, config in COMMANDS.items():
        text.append(section(f"asda {command}", config, ""))
        for key, part in parts(config, ""):
            sections.setdefault(key, (part, []))[1].append(command)
    for key, (part, commands) in sections.items():
        text.append(section(key, part, f"{key}.", commands))
    text.append(section("conf/fbank.yaml", FbankConfig, ""))
    return "\n".join(text)


def parts(config: type, prefix: str) -> Iterator[tuple[str, type]]:
    """Yield key and dataclass of each nested group of settings, outer ones first."""
    for name, kind in typing.get_type_hints(config).items():
        if dataclasses.is_dataclass(kind):
            yield f"{prefix}{name}", typing.cast(type, kind)
            yield from parts(typing.cast(type, kind), f"{prefix}{name}.")
        elif of_settings := named_settings(kind):
            yield f"{prefix}{name}.NAME", of_settings


def named_settings(kind: Any) -> type | None:
    """Return the dataclass of a dict from names to settings; None for other types."""
    values = typing.get_args(kind)[1:] if typing.get_origin(kind) is dict else ()
    return next(filter(dataclasses.is_dataclass, values), None)


def section(title: str, config: type, prefix: str, commands: list[str] | None = None) -> str:
    """Return the heading, the description and the table of one dataclass.

    Args:
        prefix: of its keys
        commands: those that have these settings, if not only one
    """
    summary, meanings = described(config)
    used = f" (`{'`, `'.join(commands)}`)" if commands else ""
    rows = ["| setting | type | default | meaning |", "| ------- | ---- | ------- | ------- |"]
    hints = typing.get_type_hints(config)
    for field in dataclasses.fields(config):
        if not dataclasses.is_dataclass(hints[field.name]):
            meaning = linked(" ".join(meanings[field.name].split())).replace("|", "\\|")
            if read := condition(config, field.name):
                meaning += f"; {read}"
            kind = type_name(hints[field.name])
            rows.append(f"| `{prefix}{field.name}` | {kind} | {default(field)} | {meaning} |")
    return f"## {title}\n\n{linked(summary)}{used}\n\n" + "\n".join(rows) + "\n"


def described(config: type) -> tuple[str, dict[str, str]]:
    """Return the first sentence of a dataclass' docstring, and the meaning of each setting.

    Settings that a dataclass inherits are described where they are defined.
    """
    meanings: dict[str, str] = {}
    for owner in reversed(config.__mro__):
        parsed = docstring_parser.parse(owner.__doc__ or "")
        meanings |= {p.arg_name: p.description or "" for p in parsed.params}
    return docstring_parser.parse(config.__doc__ or "").short_description or "", meanings


def linked(text: str) -> str:
    """Turn references to docs/algorithm.md, as docstrings have them, into links."""
    return re.sub(r"docs/(\w+\.md)#([\w-]+)", r"[\2](\1#\2)", text)


def type_name(kind: Any) -> str:
    """Return a type in words that suit a table."""
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        return " or ".join(type_name(one) for one in typing.get_args(kind))
    if typing.get_origin(kind) is typing.Literal:
        return ", ".join(f"`{value}`" for value in typing.get_args(kind))
    if typing.get_origin(kind) is tuple:
        return "list of " + ", ".join(
            type_name(one) for one in typing.get_args(kind) if one is not ...
        )
    if typing.get_origin(kind) is dict:
        return "settings by name" if named_settings(kind) else "text by text"
    return "null" if kind is types.NoneType else kind.__name__


def default(field: dataclasses.Field[Any]) -> str:
    """Return the default as YAML has it."""
    if field.default_factory is dict:
        return "`{}`"
    if field.default is dataclasses.MISSING:
        return "required"
    if field.default == "":
        return "none"
    if isinstance(field.default, tuple):
        return f"`{list(field.default)}`"
    words = {None: "null", True: "true", False: "false"}
    is_word = field.default is None or isinstance(field.default, bool)
    return f"`{words[field.default] if is_word else field.default}`"


if __name__ == "__main__":
    print(page(), end="")
