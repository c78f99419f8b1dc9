"""Configuration: YAML files to checked dataclasses and back."""

from __future__ import annotations

import argparse
import copy
import dataclasses
import difflib
import re
from collections.abc import Collection
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import yaml

from asda.files import InputError, atomic_write

T = TypeVar("T")
MOST_THREADS = 1024
MOST_VALUES = 100_000  # of a YAML file
# Renamed settings: old name -> present name.
RENAMED = {"model.clones": "model.num_masks"}


def build(config_class: type[T], values: dict[str, Any], where: str) -> T:
    """Return a `config_class` made of nested dicts, every key and type checked.

    Args:
        where: what the values are, for error messages

    Raises:
        InputError: naming the key.
    """
    from jsonargparse import ArgumentParser

    check_keys(config_class, values, where)
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(config_class, "config", fail_untyped=True)
    try:
        parsed = parser.parse_object({"config": copy.deepcopy(values)})  # which it changes
        return parser.instantiate(parsed).config
    except (argparse.ArgumentError, ValueError) as error:
        raise InputError(f"{where}: {one_line(error)}") from error


def load(config_class: type[T], path: str | Path) -> T:
    """Read a YAML file into a `config_class`; see `build`."""
    return build(config_class, read_yaml(path), str(path))


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Return the contents of a YAML file as nested dicts.

    Raises:
        InputError: if the file is missing or holds anything else.
    """
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    except RecursionError:
        raise InputError(f"{path}: values are nested too deeply") from None
    except (yaml.YAMLError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        # Of YAML's own types, such as a date in the 99th month, PyYAML lets any error through.
        raise InputError(f"{path}: {one_line(error)}") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: expected lines of 'key: value'")
    _refuse_swelling(values, path)
    return values


def _refuse_swelling(values: dict[Any, Any], path: str | Path) -> None:
    """Refuse values that refer to each other so often, or in a circle, that nobody can read them.

    Raises:
        InputError: if there are too many once every reference (`*name`) is written out.
    """
    todo: list[Any] = [values]
    for _ in range(MOST_VALUES):
        if not todo:
            return
        value = todo.pop()
        if isinstance(value, dict):
            todo += [*value.keys(), *value.values()]
        elif isinstance(value, (list, tuple, set)):
            todo += value
    raise InputError(f"{path}: its references make more than {MOST_VALUES:,} values of it")


def check_keys(
    config_class: type[Any], values: dict[str, Any], where: str, above: str = ""
) -> None:
    """Refuse keys that a dataclass lacks, keys without a value, and sections without keys.

    jsonargparse accepts `optimiser: {}` and `lr:`, and fails on `optimizer:` with nothing below.

    Raises:
        InputError: naming the key.
    """
    types = get_type_hints(config_class)
    for key, value in values.items():
        name = f"{above}{key}"
        section = types.get(key)
        if section is None and "." not in str(key):
            if name in RENAMED:
                raise InputError(f"{where}: '{name}' is now '{RENAMED[name]}'; rename it there")
            raise InputError(f"{where}: no key '{name}'{nearest(str(key), list(types))}")
        if isinstance(section, type) and dataclasses.is_dataclass(section):
            _check_section(section, value, where, name)
        elif get_origin(section) is dict and dataclasses.is_dataclass(get_args(section)[1]):
            named = _check_mapping(value, where, name)
            for inner, values in named.items():
                _check_section(get_args(section)[1], values, where, f"{name}.{inner}")
        elif value is None and section is not None and NoneType not in get_args(section):
            raise InputError(f"{where}: '{name}' needs a value, or leave it out")


def _check_section(config_class: type[Any], value: Any, where: str, name: str) -> None:
    check_keys(config_class, _check_mapping(value, where, name), where, f"{name}.")


def _check_mapping(value: Any, where: str, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{where}: '{name}' needs keys below it, or leave it out")
    return value


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
    found: dict[str, str] = {}
    for key in sorted(set(old) | set(new)):
        name = f"{prefix}{key}"
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            found |= differences(before, after, f"{name}.", ignored)
        elif before != after and name not in ignored:
            found[name] = f"{name}: {before} -> {after}"
    return found


def is_below(setting: str, keys: Collection[str]) -> bool:
    """Return whether a setting is one of the keys, or lies in a section that is one of them."""
    return any(setting == key or setting.startswith(f"{key}.") for key in keys)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def one_line(error: BaseException) -> str:
    """Return the message of an error without line breaks."""
    return re.sub(r"\s+", " ", str(error)).strip()


def check_fraction(name: str, value: float) -> None:
    """Refuse the value of a setting that is no fraction.

    Raises:
        ValueError: if it is below 0 or above 1.
    """
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must lie in 0..1, not {value}")


def nearest(name: str, known: list[str]) -> str:
    """Return ", did you mean X?" for the known name closest to a misspelt one, or ""."""
    close = difflib.get_close_matches(name, known, n=1)
    return f", did you mean {close[0]}?" if close else ""
