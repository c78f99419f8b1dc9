"""Settings that are read only beside certain values of others; what nothing reads is refused.

A dataclass declares such a setting by `only_with` or `not_with`:

    kind: Literal["differential", "standard"] = "differential"
    lambda_init: float = only_with(0.1, kind="differential")
    time_mask: float = 0.0
    time_masks: int = not_with(1, time_mask=0.0)

The others are settings or properties of the same dataclass, or of one around it.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterator
from typing import Any, TypeVar

from asda.files import InputError

T = TypeVar("T")
KEY = "condition"  # in the metadata of a field
WORDS: dict[Any, str] = {None: "null", "": "none"}
Around = list[tuple[str, Any]]  # prefix and dataclass, from that of a setting outwards


@dataclasses.dataclass(frozen=True)
class Condition:
    """Beside which values of other settings a setting is read.

    Args:
        values: name of another -> its value, or a tuple of values
        needed: whether all of them are needed; else nothing reads the setting while all hold
    """

    values: dict[str, Any]
    needed: bool

    def __str__(self) -> str:
        pairs = [f"`{name}` {_either(value)}" for name, value in self.values.items()]
        return f"{'only' if self.needed else 'not'} with {' and '.join(pairs)}"

    def ineffective(self, around: Around) -> str | None:
        """Return what makes the setting ineffective, None if it is read."""
        found = {name: _look_up(name, around) for name in self.values}
        known = {name: place for name, place in found.items() if place is not None}
        if not known:
            return None
        holding = {n for n, (_, value) in known.items() if _is(value, self.values[n])}
        if self.needed == (len(holding) == len(known)):
            return None
        name, (key, value) = next(
            item for item in known.items() if (item[0] in holding) != self.needed
        )
        only = f", only with {_either(self.values[name])}" if self.needed else ""
        return f"with {key} {_written(value)}{only}"


def only_with(default: Any, **others: Any) -> Any:
    """Declare a setting that is read only if others have these values.

    Args:
        others: a value, or a tuple of values. A text of several words ("linear knn") has each of
            them as a value
    """
    return dataclasses.field(default=default, metadata={KEY: Condition(others, True)})


def not_with(default: Any, **others: Any) -> Any:
    """Declare a setting that nothing reads while all others, if they exist, have these values."""
    return dataclasses.field(default=default, metadata={KEY: Condition(others, False)})


def condition(kind: type[Any], name: str) -> Condition | None:
    """Return the condition of a setting of a dataclass, None if it is always read."""
    field = _declared(kind, name)
    return None if field is None else field.metadata[KEY]


def refuse_unread(config: Any, given: Any = None, accepted: Collection[str] = ()) -> None:
    """Refuse a value that somebody gave to a setting that nothing reads.

    A default is not given, and 0 asks for nothing.

    Args:
        config: all settings, by which it is judged what is read
        given: the same before open values were decided; None = none was open
        accepted: dotted keys whose values are not the user's

    Raises:
        InputError: naming the setting and what makes it ineffective.
    """
    for key, default, reason in unread(config):
        value = value_of(config if given is None else given, key)
        asks = value != default and (isinstance(value, bool) or value != 0)
        if asks and key not in accepted:
            raise InputError(
                f"{key} {_written(value)} has no effect {reason}; leave it out"
                f" (default: {_written(default)})"
            )


def effective(config: T) -> T:
    """Return a copy in which settings that nothing reads have their defaults."""
    for key, default, _ in list(unread(config)):
        config = _replaced(config, key.split("."), default)
    return config


def unread(config: Any) -> Iterator[tuple[str, Any, str]]:
    """Yield dotted key, default, and what makes it ineffective, of settings that nothing reads."""
    for around, name in _settings([("", config)]):
        field = _declared(type(around[0][1]), name)
        if field and (reason := field.metadata[KEY].ineffective(around)):
            yield around[0][0] + name, field.default, reason


def value_of(config: Any, key: str) -> Any:
    """Return the value of a setting by its dotted key."""
    for name in key.split("."):
        config = config[name] if isinstance(config, dict) else getattr(config, name)
    return config


def _settings(around: Around) -> Iterator[tuple[Around, str]]:
    """Yield where it is, and its name, of each setting of the innermost dataclass and below it."""
    prefix, config = around[0]
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        sections = value if isinstance(value, dict) else {"": value}
        for name, section in sections.items():
            if dataclasses.is_dataclass(section):
                inner = f"{prefix}{field.name}.{name}".rstrip(".")
                yield from _settings([(f"{inner}.", section), *around])
        yield around, field.name


def _declared(kind: type[Any], name: str) -> dataclasses.Field[Any] | None:
    """Return the field with a condition; subclasses may declare it anew for a narrower type."""
    for owner in kind.__mro__:
        field = vars(owner).get("__dataclass_fields__", {}).get(name)
        if field is not None and KEY in field.metadata:
            found: dataclasses.Field[Any] = field
            return found
    return None


def _look_up(name: str, around: Around) -> tuple[str, Any] | None:
    """Return key and value of the nearest setting or property of a name."""
    return next((((p + name), getattr(c, name)) for p, c in around if hasattr(c, name)), None)


def _replaced(config: Any, names: list[str], value: Any) -> Any:
    first, *others = names
    if others:
        value = _replaced(value_of(config, first), others, value)
    if isinstance(config, dict):
        return config | {first: value}
    return dataclasses.replace(config, **{first: value})


def _is(value: Any, wanted: Any) -> bool:
    """Return whether a value, or one of its words, is the wanted one or one of them."""
    words = re.split("[ ,]+", value) if isinstance(value, str) else []
    several = wanted if isinstance(wanted, tuple) else (wanted,)
    return any(one in several for one in [value, *words])


def _written(value: Any) -> str:
    """Return a value as it is written in YAML."""
    if isinstance(value, bool):
        return str(value).lower()
    return WORDS.get(value, f"{value}") if not isinstance(value, (dict, list)) else f"{value}"


def _either(values: Any) -> str:
    return " or ".join(map(_written, values)) if isinstance(values, tuple) else _written(values)
