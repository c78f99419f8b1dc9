"""The list of packages, packages.yaml, and what it states of a file by its path."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from pathlib import Path

from asda.configuration import build, read_yaml
from asda.files import InputError

KINDS = ("speech", "sound", "prompts")


@dataclass
class Package:
    """A package with audio. The expressions are searched in the path of a file.

    Args:
        why: what is in it
        kind: of its files: speech, sound, or prompts, which other recipes are tested on
        speech: expression of the files that are speech, in a package of kind sound
        drop: expression of the files that are left out: music without a telling path, synthesis
        language: code of the language (ISO 639) of its speech, or an expression whose group is it
        voice: expression whose group names the speaker; "" = the folder of the file
    """

    why: str
    kind: str = "sound"
    speech: str = ""
    drop: str = ""
    language: str = ""
    voice: str = ""

    def kind_of(self, path: str) -> str:
        """Return speech, sound or prompts."""
        return "speech" if self.speech and re.search(self.speech, path) else self.kind

    def language_of(self, path: str) -> str:
        """Return the language of a file, "" = unknown."""
        if "(" not in self.language:
            return self.language
        found = re.search(self.language, path)
        return re.split(r"[_@]", found[1])[0].lower() if found else ""

    def voice_of(self, path: str) -> str:
        """Return who speaks, or the folder of a sound."""
        found = re.search(self.voice or r"([^/]+)/[^/]+$", path)
        return found[1] if found else "all"


@dataclass
class PackageList:
    """Content of packages.yaml.

    Args:
        music: expression of the paths of sounds that are music, in every package
        packages: name -> what is known of it
    """

    music: str
    packages: dict[str, Package] = field(default_factory=dict)

    def dropped(self, package: str, path: str) -> str:
        """Return why a file is left out by its path, "" = it is not."""
        known = self.packages[package]
        if known.kind_of(path) == "sound" and re.search(self.music, path, re.IGNORECASE):
            return "music"  # speech about it is not
        return "listed" if known.drop and re.search(known.drop, path) else ""


def read_packages(path: Path) -> PackageList:
    """Read packages.yaml.

    Raises:
        InputError: if it is not as described above.
    """
    content = read_yaml(path)
    entries = content.get("packages")
    if set(content) != {"music", "packages"} or not isinstance(entries, dict):
        raise InputError(f"{path}: expected the keys music and packages, the latter with names")
    found = {name: build(Package, entry, f"{path}: {name}") for name, entry in entries.items()}
    for name, package in found.items():
        if package.kind not in KINDS:
            raise InputError(f"{path}: {name}: kind must be one of {', '.join(KINDS)}")
        for setting in fields(package):
            _check_expression(f"{path}: {name}: {setting.name}", getattr(package, setting.name))
    _check_expression(f"{path}: music", content["music"])
    return PackageList(content["music"], found)


def _check_expression(where: str, expression: str) -> None:
    try:
        re.compile(expression)
    except re.error as error:
        raise InputError(f"{where}: not a regular expression: {error}; correct it") from None
