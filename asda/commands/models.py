"""List and fetch models by name, and give names to your own."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from asda.commands.subcommands import Subcommands

if TYPE_CHECKING:
    from asda.registry.known_models import KnownModel


def main(argv: list[str]) -> None:
    _subcommands().run(argv or ["list"])


def _subcommands() -> Subcommands:
    verbs = Subcommands("asda models", __doc__)

    text = "print all models and where their files are (the same as asda models alone)"
    sub = verbs.add("list", list_models, text)
    text = "print all their fields as a tab-separated table"
    sub.add_argument("--tsv", action="store_true", help=text)

    text = "download models into the cache, check the files and print their paths"
    sub = verbs.add("fetch", fetch_models, text)
    sub.add_argument("names", nargs="+", metavar="NAME")

    sub = verbs.add(
        "add", add, "give a name to a model of your own, or a new address to a known one"
    )
    sub.add_argument("name", metavar="NAME", help="letters, digits, - and _")
    sub.add_argument("address", metavar="FILE|URL", help="the model.pt or checkpoint")
    sub.add_argument("--sha256", metavar="SUM", help="checksum; other files are refused")
    _add_description(sub)
    return verbs


def _add_description(parser: argparse.ArgumentParser) -> None:
    for option, text in (("what", "a few words about the model"), ("licence", "its licence")):
        parser.add_argument(f"--{option}", metavar="TEXT", help=f"{text}, for the list")


def list_models(tsv: bool) -> None:
    from asda.registry.known_models import known_models, own_list
    from asda.registry.model_cache import cache_folder
    from asda.scoring.tables import Table

    models = known_models().values()
    if tsv:
        print(Table([*vars(next(iter(models))), "state"], [_everything(m) for m in models]).tsv())
        return
    header = ["name", "model", "size", "licence", "file"]
    note = (
        "Fetched when used: a command that gets the name fetches the file. By hand: `asda models"
        f" fetch NAME` shows the page.\nCache: {cache_folder()}. Your own list: {own_list()}"
        f"{'' if own_list().exists() else ', not written yet'}."
    )
    print(Table(header, [_row(m) for m in models], note).for_terminal())


def _everything(model: KnownModel) -> list[object]:
    return [*vars(model).values(), _state(model)]


def _row(model: KnownModel) -> list[str]:
    return [model.name, model.what, model.size, model.licence, _state(model)]


def _state(model: KnownModel) -> str:
    """Return where the file of a model is, or how to get it."""
    from asda.registry.model_cache import cached_file

    if not model.address:
        return "by hand"
    if cached_file(model).exists():
        return "cached" if model.is_remote else "local"
    return "fetched when used" if model.is_remote else "missing"


def fetch_models(names: list[str]) -> None:
    from asda.files import InputError
    from asda.registry.known_models import known_model
    from asda.registry.model_cache import fetch, mismatch

    for model in map(known_model, names):
        path = fetch(model)
        if fault := mismatch(model, path):
            raise InputError(f"{model.name}: {path} {fault}; remove it, and fetch it again")
        print(path)


def add(name: str, address: str, sha256: str | None, what: str | None, licence: str | None) -> None:
    from asda.files import InputError
    from asda.registry.known_models import KnownModel, add_model, known_models
    from asda.registry.model_cache import mismatch

    try:
        model = known_models().get(name) or KnownModel(name)
        model = dataclasses.replace(
            model,
            address=address,
            sha256=sha256 or model.sha256,
            source="" if sha256 else model.source,
            what=what or model.what,
            licence=licence or model.licence,
        )
    except ValueError as error:
        raise InputError(str(error)) from None
    if not model.is_remote:
        path = Path(address).expanduser().absolute()
        model.address = str(path)
        if not path.exists():
            raise InputError(f"{address}: no such file; give a file, or an address with http(s)://")
        if fault := mismatch(model, path):
            raise InputError(
                f"{address}: {fault}; if you trust this file, give its sum to --sha256"
            )
    print(f"added {name} to {add_model(model)}")
