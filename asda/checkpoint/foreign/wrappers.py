"""Remove the prefixes that DistributedDataParallel and torch.compile add to names of tensors."""

from __future__ import annotations

from typing import Any

COMPILED, PARALLEL = "_orig_mod.", "module."


def without_wrappers(content: dict[Any, Any]) -> dict[Any, Any]:
    """Return the content of a file without these prefixes in the names of tensors.

    torch.compile can wrap a part of a model, so its prefix may stand anywhere in a name;
    DistributedDataParallel wraps the whole.
    """
    found = {key: without_wrappers(v) if isinstance(v, dict) else v for key, v in content.items()}
    plain = {_without(key, COMPILED): value for key, value in found.items()}
    if plain and all(isinstance(key, str) and key.startswith(PARALLEL) for key in plain):
        return without_wrappers({key[len(PARALLEL) :]: value for key, value in plain.items()})
    return plain


def _without(key: Any, prefix: str) -> Any:
    return key.replace(prefix, "") if isinstance(key, str) else key
