"""Read torch files of other programs without executing anything in them."""

from __future__ import annotations

import io
import pickle
import string
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from asda.checkpoint.tensor_files import check_sums
from asda.files import InputError

# The globals that tensors and plain containers are pickled with.
REAL = {
    "builtins": {"bool", "bytearray", "complex", "dict", "float", "frozenset", "int", "list"}
    | {"set", "str", "tuple"},
    "collections": {"OrderedDict", "defaultdict"},
    "torch": {"device", "Size"},
    "torch._utils": {"_rebuild_tensor_v2", "_rebuild_parameter"},
    "torch.serialization": {"_get_layout"},
    "_codecs": {"encode"},
    "numpy": {"dtype"},
    "numpy.core.multiarray": {"scalar"},
    "numpy._core.multiarray": {"scalar"},
}
# Packages whose objects occur in checkpoints in addition to tensors; they become inert records.
INERT = {"argparse", "enum", "fairseq", "hydra", "numpy", "omegaconf", "pathlib", "typing"}
INERT |= {"ASDA", "EAT", "models"}
KNOWN_STARTS = {
    b"\x93NUMPY": "an array of numpy",
    b"\x89HDF": "an HDF5 file",
    b"RIFF": "a WAV file",
    b"fLaC": "a FLAC file",
}


class UnsafeError(pickle.UnpicklingError):
    """A file tries to run code."""


class Inert:
    """Stand-in for an object whose class is not loaded: it keeps the state and does nothing."""

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


class RestrictedUnpickler(pickle._Unpickler):
    """Build tensors and plain containers, make known foreign objects inert, refuse the rest.

    This is the unpickler in Python: the one in C allocates a table up to the largest index of an
    object in the file, so that five bytes could take tens of gigabytes.
    """

    def find_class(self, module: str, name: str) -> Any:
        storage = module == "torch" and name.endswith("Storage") and name.isidentifier()
        if storage or name in REAL.get(module, ()):
            return super().find_class(module, name)
        if module == "torch" and isinstance(getattr(torch, name, None), torch.dtype):
            return getattr(torch, name)
        # Python 3.11 writes members of an enum as calls of getattr.
        if module.split(".")[0] in INERT or (module, name) == ("builtins", "getattr"):
            return Inert
        raise UnsafeError(f"it asks to run {module}.{name}")


def _load(stream: io.IOBase, **options: Any) -> Any:
    return RestrictedUnpickler(stream, **options).load()


def load_foreign(path: str | Path) -> Any:
    """Read a file written by torch.save; nothing in it is executed.

    Raises:
        InputError: if the file is missing, damaged, not a torch file, or tries to run code.
    """
    restricted = SimpleNamespace(Unpickler=RestrictedUnpickler, load=_load, __name__="restricted")
    try:
        with open(path, "rb") as stream:
            start = stream.read(512)
        _check_start(start, path)
        check_sums(path)
        return torch.load(path, map_location="cpu", weights_only=False, pickle_module=restricted)
    except InputError:
        raise
    except UnsafeError as error:
        raise InputError(
            f"{path}: not read, {error}; a checkpoint holds tensors and plain values only"
        ) from None
    except IsADirectoryError:
        raise InputError(f"{path}: a folder; expected a checkpoint file") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    except Exception as error:  # damaged bytes can make unpickling raise anything
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:160]
        raise InputError(
            f"{path}: truncated, damaged or not a torch file; expected a checkpoint ({reason})"
        ) from None


def _check_start(start: bytes, path: str | Path) -> None:
    """Refuse files whose first bytes show another format."""
    kind = next((kind for magic, kind in KNOWN_STARTS.items() if start.startswith(magic)), None)
    if not start:
        kind = "an empty file"
    elif not set(start) - set(string.printable.encode()):
        kind = "a text file"
    if kind:
        raise InputError(f"{path}: {kind}; expected a checkpoint of torch")
