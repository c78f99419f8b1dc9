"""Rebuild dataclasses from untrusted file contents, checking the type of every field."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from asda.files import InputError

T = TypeVar("T")


@contextmanager
def refusing_damage(path: str | Path) -> Iterator[None]:
    """Turn whatever unexpected values make the block raise into one line."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        reason = (str(error).strip() or "no message").splitlines()[0][:160]
        raise InputError(
            f"{path}: corrupt or not an asda file ({type(error).__name__}: {reason})"
        ) from error


def restore(kind: type[T], values: dict[str, Any], path: str | Path) -> T:
    """Return a dataclass made of the values of its fields; further values are ignored.

    Raises:
        InputError: naming the fields that are missing or not of the annotated type.
    """
    hints = get_type_hints(kind)
    missing = [name for name in hints if name not in values]
    if missing:
        raise InputError(f"{path}: missing fields {', '.join(missing)}: the file is incomplete")
    wrong = [name for name, hint in hints.items() if not _fits(values[name], hint)]
    if wrong:
        raise InputError(f"{path}: corrupt: unexpected content of {', '.join(wrong)}")
    return kind(**{name: values[name] for name in hints})


def _fits(value: Any, hint: Any) -> bool:
    """Return whether a value and everything in it are of a type."""
    origin, parts = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin is Literal:
        return value in parts
    if origin in (Union, UnionType):
        return any(_fits(value, part) for part in parts)
    if origin is dict:
        key, item = parts
        return isinstance(value, dict) and all(
            _fits(k, key) and _fits(v, item) for k, v in value.items()
        )
    if origin is list:
        return isinstance(value, list) and all(_fits(item, parts[0]) for item in value)
    return isinstance(value, (int, float) if hint is float else hint)
