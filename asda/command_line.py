"""Command lines made from dataclasses and functions: parsing, and `asda COMMAND --help`."""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import itertools
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

from jsonargparse import DefaultHelpFormatter, auto_cli

from asda.configuration import RENAMED, check_keys, is_below, nearest, one_line, read_yaml
from asda.files import InputError

# What the values of options are, where their type does not say it.
PLACEHOLDERS = dict.fromkeys(
    ("train", "exp", "valid", "test", "data", "dump", "out", "cache"), "DIR"
)
PLACEHOLDERS |= dict.fromkeys(("config", "init", "fbank", "model"), "FILE")

KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "text"}


def run_cli(
    component: Callable[..., Any], argv: list[str], prog: str, positional: bool = False
) -> Any:
    """Call a function with options from `argv`, or return a dataclass made of them.

    The signature and docstring of `component` define the options and their help. Parameters
    without a default are required options, or words in order if `positional` is set.
    `--config FILE` reads a YAML file; options after it take precedence. `--an-option` and
    `--an_option` are the same.

    Raises:
        InputError: on an unknown key, a wrong type, or a value that the dataclass refuses.
    """
    argv = _without_empty_files([_with_underscores(word) for word in argv])
    is_config = dataclasses.is_dataclass(component)
    if isinstance(component, type) and is_config:
        for path in _config_files(argv):
            check_keys(component, read_yaml(path), path)
    try:
        return auto_cli(
            component,
            args=argv,
            prog=prog,
            exit_on_error=False,
            as_positional=positional,
            return_instance=is_config,
            formatter_class=_Formatter,
            config_help="YAML file with settings; options after it take precedence",
        )
    except (argparse.ArgumentError, ValueError, TypeError) as error:
        if isinstance(error, TypeError) and "NSKeyError" not in type(error).__name__:
            raise
        reason = _readable_error(one_line(error), _option_names(component))
        raise InputError(f"{reason} (see {prog} --help)") from error


def refuse_ineffective(
    argv: list[str], key: str, reason: str, effective: Collection[str] = ()
) -> None:
    """Refuse an option without effect; configuration files may contain it, since others share them.

    Args:
        argv: words of the command
        key: a setting, or a section of settings
        reason: why it has no effect
        effective: settings and sections below `key` that have one
    """
    for word in argv:
        option = _with_underscores(word).partition("=")[0].removeprefix("--")
        if is_below(option, [key]) and not is_below(option, effective):
            raise InputError(f"{word} has no effect: {reason}")


def stated_settings(argv: list[str]) -> set[str]:
    """Return the dotted keys of settings in options and configuration files of a command."""
    words = [_with_underscores(word) for word in argv]
    stated = {w[2:].partition("=")[0] for w in words if w.startswith("--")}
    for path in _config_files(words):
        stated |= set(_keys(read_yaml(path)))
    return stated


def _keys(values: dict[str, Any], above: str = "") -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _keys(value, f"{above}{key}.")
        else:
            yield f"{above}{key}"


def _config_files(argv: list[str]) -> list[str]:
    following = [word for option, word in itertools.pairwise(argv) if option == "--config"]
    return following + [word[9:] for word in argv if word.startswith("--config=")]


def _without_empty_files(argv: list[str]) -> list[str]:
    """Return the words without configuration files that set nothing, which jsonargparse refuses."""
    empty = {path for path in _config_files(argv) if Path(path).is_file() and not read_yaml(path)}
    kept, words = [], iter(argv)
    for word in words:
        if word == "--config":
            path = next(words, None)
            kept += [] if path in empty else [word, *([path] if path else [])]
        elif word.removeprefix("--config=") not in empty:
            kept.append(word)
    return kept


def _option_names(component: Any) -> list[str]:
    """Return the options of a function, or of a dataclass with those of its sections."""
    if not dataclasses.is_dataclass(component):
        return list(inspect.signature(component).parameters)
    names = []
    for name, kind in get_type_hints(component).items():
        names.append(name)
        if dataclasses.is_dataclass(kind):
            names += [f"{name}.{inner}" for inner in _option_names(kind)]
    return names


def _readable_error(message: str, options: list[str]) -> str:
    """Return an error of the parser as a message for users."""
    if found := re.search(r"unrecognized arguments: (?:.* )?--([\w.]+)", message):
        return _unknown(found[1], options)
    if found := re.match(r"Parser key \"([\w.]+)\": .*NestedArg\(key='([\w.]+)'", message):
        return _unknown(f"{found[1]}.{found[2]}", options)
    if found := re.match(r'Parser key "([\w.]+)": (.*)', message):
        values = re.findall(r"Literal\[(.*?)\]", found[2])
        given = re.search(r"(?:Got|Given) value: (.*)", found[2])
        if values and given:
            return f"{found[1]} must be {_alternatives(values[0])}, not {given[1]}"
        kind = re.search(r"Expected an? <class '(\w+)'>\. Got value: (.*)", found[2])
        if kind:
            return f"{found[1]} must be {KINDS.get(kind[1], kind[1])}, not {kind[2]}"
        return f"{found[1]}: {found[2]}"
    return message


def _unknown(name: str, options: list[str]) -> str:
    if name in RENAMED:
        return f"--{name} is now --{RENAMED[name]}"
    close = nearest(name, options).replace("mean ", "mean --")
    return f"no option --{name}{close}"


def _alternatives(literals: str) -> str:
    *others, last = literals.replace("'", "").split(", ")
    return f"{', '.join(others)} or {last}" if others else last


def _with_underscores(word: str) -> str:
    if not word.startswith("--"):
        return word
    name, equals, value = word[2:].partition("=")
    return "--" + name.replace("-", "_") + equals + value


class _Formatter(DefaultHelpFormatter):
    """Help that begins with one readable line and shows only informative defaults."""

    def add_usage(
        self, usage: str | None, actions: Iterable[argparse.Action], *args: Any, **options: Any
    ) -> None:
        """Decide what is hidden, since this is called first and with all actions."""
        actions = list(actions)
        # A section's own option would take a YAML file; commands of words need no file at all.
        names = {_name(action) for action in actions}
        helps = {name for name in names if name.endswith(".help")}  # of values that are dataclasses
        self._hidden = helps | {name.rpartition(".")[0] for name in names - helps}
        if any(not action.option_strings for action in actions):
            self._hidden |= {"config", "print_config"}
        super().add_usage(usage, actions, *args, **options)

    def add_argument(self, action: argparse.Action) -> None:
        if _name(action) not in self._hidden:
            super().add_argument(action)

    def _format_usage(
        self, usage: str | None, actions: Iterable[argparse.Action], *args: Any, **options: Any
    ) -> str:
        words, others = [self._prog], False
        for action in actions:
            name = _name(action)
            if not action.option_strings:
                words.append(name.upper())
            elif action.required:
                words.append(f"--{name} {_placeholder(action)}")
            elif name == "config" and name not in self._hidden:
                words.append(f"[--{name} {_placeholder(action)}]")
            elif name not in ("config", "print_config", "help"):
                others |= action.help != argparse.SUPPRESS
        if self._hidden - {"", "config", "print_config"}:
            words.append("[--section.key VALUE ...]")
        elif others:
            words.append("[--option VALUE ...]")
        return f"usage: {' '.join(words)}\n\n"

    def _get_help_string(self, action: argparse.Action) -> str:
        if isinstance(action, argparse._HelpAction):
            return "show this help and exit"
        if _name(action) == "print_config":
            return "print all settings as YAML and exit"
        text = action.help or ""
        if action.required and action.option_strings:
            return f"{text} (required)"
        silent: tuple[Any, ...] = (None, "", {}, argparse.SUPPRESS)
        return text if action.default in silent else f"{text} (default: %(default)s)"

    def _get_default_metavar_for_optional(self, action: argparse.Action) -> str:
        return _placeholder(action)

    def _get_default_metavar_for_positional(self, action: argparse.Action) -> str:
        return action.dest.upper()


def _name(action: argparse.Action) -> str:
    """Return the name of an option as it is typed, or of a word."""
    return action.option_strings[-1].lstrip("-") if action.option_strings else action.dest


def _placeholder(action: argparse.Action) -> str:
    """Return what stands for the value of an option in the help."""
    name = action.dest.rpartition(".")[2]
    kind = getattr(action, "_typehint", None) or action.type
    kinds = get_args(kind) or (kind,)
    for number, word in ((int, "INT"), (float, "FLOAT")):
        if number in kinds:
            return word
    return PLACEHOLDERS.get(action.dest, name.upper())
