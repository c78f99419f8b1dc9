"""Configuration: YAML files and the command line to checked dataclasses, and back."""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import itertools
import re
from collections.abc import Callable, Collection
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar, get_args, get_type_hints

import yaml

from asda.files import InputError, atomic_write

T = TypeVar("T")
MOST_THREADS = 1024


def run_cli(
    component: Callable | dict[str, Any], argv: list[str], prog: str, positional: bool = False
) -> Any:
    """Call a function, or make a dataclass, from `argv`; a dict of them gives subcommands.

    Parameters without a default are words in order where `positional` is set or for subcommands,
    and options otherwise. The signature, types, defaults and docstring of `component` are its
    options and its `--help`.
    `--config FILE` reads a YAML file; options that follow it win. `--an-option` and `--an_option`
    are the same.

    Raises:
        InputError: on an unknown key, a wrong type or a value that the dataclass refuses.
    """
    from jsonargparse import auto_cli

    argv = [_with_underscores(word) for word in argv]
    if dataclasses.is_dataclass(component):
        for path in _config_files(argv):
            _refuse_keys(component, _read(path), path)
    try:
        return auto_cli(
            component,
            args=argv,
            prog=prog,
            exit_on_error=False,
            as_positional=positional or isinstance(component, dict),
            return_instance=dataclasses.is_dataclass(component),
        )
    except (argparse.ArgumentError, ValueError, TypeError) as error:
        if isinstance(error, TypeError) and "NSKeyError" not in type(error).__name__:
            raise
        raise InputError(f"{prog}: {_one_line(error)} (see {prog} --help)") from error


def build(config_class: type[T], values: dict[str, Any], where: str) -> T:
    """Make a `config_class` from nested dicts as saved by `save`; `where` names them in errors."""
    from jsonargparse import ArgumentParser

    _refuse_keys(config_class, values, where)
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(config_class, "config", fail_untyped=True)
    try:
        return parser.instantiate(parser.parse_object({"config": values})).config
    except (argparse.ArgumentError, ValueError) as error:
        raise InputError(f"{where}: {_one_line(error)}") from error


def load(config_class: type[T], path: str | Path) -> T:
    """Read a YAML file into a `config_class`, every key and type checked."""
    return build(config_class, _read(path), str(path))


def _read(path: str | Path) -> dict[str, Any]:
    """Return the values of a YAML file."""
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path}: {_one_line(error)}") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: not lines of 'key: value'")
    return values


def _refuse_keys(config_class: type, values: dict[str, Any], where: str, above: str = "") -> None:
    """Refuse keys that a dataclass lacks, keys without a value, and sections that are none.

    jsonargparse lets `optimiser: {}` and `lr:` pass; an `optimizer:` with nothing below breaks it.
    """
    types = get_type_hints(config_class)
    for key, value in values.items():
        name = f"{above}{key}"
        section = types.get(key)
        if section is None and "." not in str(key):
            raise InputError(f"{where}: no key '{name}'{nearest(str(key), list(types))}")
        if dataclasses.is_dataclass(section):
            if not isinstance(value, dict):
                raise InputError(f"{where}: '{name}' needs keys below it, or leave it out")
            _refuse_keys(section, value, where, f"{name}.")
        elif value is None and section is not None and NoneType not in get_args(section):
            raise InputError(f"{where}: '{name}' needs a value, or leave it out")


def _config_files(argv: list[str]) -> list[str]:
    following = [word for option, word in itertools.pairwise(argv) if option == "--config"]
    return following + [word[9:] for word in argv if word.startswith("--config=")]


def to_dict(config: Any) -> dict[str, Any]:
    """Return a dataclass as nested dicts of plain YAML values (tuples as lists)."""
    return _plain(dataclasses.asdict(config))


def save(config: Any, path: str | Path) -> None:
    """Write a dataclass as YAML in the order of its fields."""
    with atomic_write(path) as stream:
        yaml.safe_dump(to_dict(config), stream, sort_keys=False, allow_unicode=True)


def differences(
    old: dict[str, Any], new: dict[str, Any], prefix: str = "", ignored: Collection[str] = ()
) -> dict[str, str]:
    """Return dotted key and "key: old -> new" of each value that differs between nested dicts."""
    found = {}
    for key in sorted(set(old) | set(new)):
        name = f"{prefix}{key}"
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            found |= differences(before, after, f"{name}.", ignored)
        elif before != after and name not in ignored:
            found[name] = f"{name}: {before} -> {after}"
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _with_underscores(word: str) -> str:
    if not word.startswith("--"):
        return word
    name, equals, value = word[2:].partition("=")
    return "--" + name.replace("-", "_") + equals + value


def _one_line(error: BaseException) -> str:
    return re.sub(r"\s+", " ", str(error)).strip()


def nearest(name: str, known: list[str]) -> str:
    """Return ", did you mean X?" for the known name closest to a misspelt one, or nothing."""
    close = difflib.get_close_matches(name, known, n=1)
    return f", did you mean {close[0]}?" if close else ""
