"""Reading torch files of other programs without running anything that is in them."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from asda.files import InputError

# What tensors and plain containers are made of.
REAL = {
    "collections": {"OrderedDict", "defaultdict"},
    "torch": {"device", "Size"},
    "torch._utils": {"_rebuild_tensor_v2", "_rebuild_parameter"},
    "torch.serialization": {"_get_layout"},
    "_codecs": {"encode"},
    "numpy": {"dtype"},
    "numpy.core.multiarray": {"scalar"},
    "numpy._core.multiarray": {"scalar"},
}
# Packages whose objects turn up in checkpoints beside the tensors; they become inert records.
INERT = ("argparse", "enum", "fairseq", "hydra", "omegaconf", "typing", "EAT", "ASDA", "models")


class Inert:
    """Stands for an object of a class that is not loaded; keeps its state, does nothing."""

    def __new__(cls, *_args: Any, **_options: Any) -> Inert:
        return super().__new__(cls)

    def __init__(self, *arguments: Any, **_options: Any):
        self.arguments = arguments

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        """Entries of a dict-like object are dropped."""

    def append(self, item: Any) -> None:
        """Items of a list-like object are dropped."""

    def extend(self, items: Any) -> None:
        """Items of a list-like object are dropped."""


class RestrictedUnpickler(pickle.Unpickler):
    """Builds tensors and plain containers, makes known foreign objects inert, refuses the rest."""

    def find_class(self, module: str, name: str) -> Any:
        if name in REAL.get(module, ()) or (module == "torch" and name.endswith("Storage")):
            return super().find_class(module, name)
        if module == "torch" and isinstance(getattr(torch, name, None), torch.dtype):
            return getattr(torch, name)
        if module.split(".")[0] in INERT:
            return Inert
        raise pickle.UnpicklingError(f"it asks to run {module}.{name}")


def _load(stream: io.IOBase, **options: Any) -> Any:
    return RestrictedUnpickler(stream, **options).load()


def load_foreign(path: str | Path) -> Any:
    """Read a file that torch.save wrote anywhere; nothing in it is executed.

    Raises:
        InputError: if the file is missing, damaged, no torch file, or asks for code to be run.
    """
    restricted = SimpleNamespace(Unpickler=RestrictedUnpickler, load=_load, __name__="restricted")
    try:
        return torch.load(path, map_location="cpu", weights_only=False, pickle_module=restricted)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise InputError(f"{path}: a folder, not a checkpoint file") from None
    except (
        pickle.UnpicklingError,
        zipfile.BadZipFile,
        RuntimeError,
        EOFError,
        ValueError,
        KeyError,
        IndexError,
        AttributeError,
        TypeError,
        UnicodeDecodeError,
    ) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:160]
        raise InputError(f"{path}: damaged, or not a checkpoint of torch ({reason})") from None
