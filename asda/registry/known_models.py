"""Lists of models by name: asda's and the user's."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from asda.configuration import build, nearest, read_yaml
from asda.files import InputError, atomic_write

PUBLISHED = Path(__file__).parent / "models.yaml"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
RESERVED = {"none", "own"}  # values of run.sh's --pretrained with a meaning of their own


@dataclass
class KnownModel:
    """An entry of a list of models.

    Args:
        name: what the model is called
        what: what it is, in a few words
        address: where the file is: an http address, or a file, which may be relative to the folder
            of the list; empty if only a browser gets it
        page: where the authors publish it
        licence: as its authors state it
        megabytes: approximate size of the file (null = unknown)
        sha256: checksum of the file (null = unknown)
        source: where the figures above are from, and what else one should know
    """

    name: str
    what: str = ""
    address: str = ""
    page: str = ""
    licence: str = "not stated"
    megabytes: float | None = None
    sha256: str | None = None
    source: str = ""

    def __post_init__(self) -> None:
        if not is_name(self.name):
            raise ValueError(
                f"'{self.name}' is no name for a model: letters, digits, - and _, but not"
                f" {' or '.join(sorted(RESERVED))}"
            )
        if "://" in self.address and not self.is_remote:
            raise ValueError(f"{self.name}: address {self.address}; expected http or https")
        if self.sha256 is not None and not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise ValueError(f"{self.name}: sha256 {self.sha256}; expected 64 digits of 0-9 a-f")

    @property
    def is_remote(self) -> bool:
        """Whether the file must be fetched."""
        return self.address.startswith(("http://", "https://"))

    @property
    def size(self) -> str:
        """The approximate size as text."""
        return f"{self.megabytes:,.0f} MB" if self.megabytes else "unknown size"


def is_name(word: str) -> bool:
    """Return whether a word can be the name of a model; names of files mostly have a dot."""
    return bool(NAME.fullmatch(word)) and word not in RESERVED


def own_list() -> Path:
    """Return the user's list: $ASDA_MODELS, or asda/models.yaml in the folder for settings."""
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(os.environ.get("ASDA_MODELS") or Path(folder) / "asda/models.yaml")


def known_models() -> dict[str, KnownModel]:
    """Return all models by name; an entry of the user's list replaces a published one.

    Raises:
        InputError: if the user's list has a fault.
    """
    return _read(PUBLISHED) | (_read(own_list()) if own_list().exists() else {})


def known_model(name: str) -> KnownModel:
    """Return the model of a name.

    Raises:
        InputError: if there is none.
    """
    models = known_models()
    if name not in models:
        raise InputError(
            f"{name}: no such file, and no model has this name{nearest(name, list(models))}"
            " (`asda models` lists them)"
        )
    return models[name]


def add_model(model: KnownModel) -> Path:
    """Add a model to the user's list, and return the list. Comments in it stay.

    Raises:
        InputError: if the list has an entry of this name.
    """
    path = own_list()
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if text and model.name in _read(path):
        raise InputError(f"{path}: has an entry {model.name} already; change it there")
    defaults = vars(KnownModel(model.name))
    values = {key: value for key, value in vars(model).items() if value != defaults[key]}
    with atomic_write(path) as stream:
        stream.write(f"{text.rstrip()}\n\n" if text.strip() else "")
        yaml.safe_dump(
            {model.name: values}, stream, sort_keys=False, allow_unicode=True, width=1000
        )
    return path


def _read(path: Path) -> dict[str, KnownModel]:
    models = {}
    for name, values in read_yaml(path).items():
        if not isinstance(values, dict):
            raise InputError(f"{path}: {name}: expected lines of 'key: value' below it")
        model = build(KnownModel, {"name": str(name)} | values, f"{path}: {name}")
        if model.address and not model.is_remote:
            model.address = str(path.parent.absolute() / Path(model.address).expanduser())
        models[model.name] = model
    return models
