"""All processes of a run agree on what they train before the first update, or refuse together."""

from __future__ import annotations

import hashlib
import socket
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from asda import configuration
from asda.digests import DIGITS
from asda.distributed import Process, failing_together, gather
from asda.files import InputError, atomic_write
from asda.provenance import code_digest, environment
from asda.training.run_config import RunConfig

# Processes may have other devices and loaders, and see the folder under another path.
OWN_SETTINGS = {"exp", "training.device", "training.threads", "data.workers"}
VERSIONS = ("asda", "torch", "torchaudio", "numpy")
TOKEN = ".run"  # a file that shows whether all processes see the same experiment folder
LAG = 60.0  # seconds until a file on a network file system is seen by other hosts


def agree_on_settings(config: RunConfig, process: Process) -> None:
    """Compare settings and versions of all processes.

    Raises:
        InputError: naming the process, its host and what differs.
    """
    if process.world_size > 1:
        found = environment()
        versions = {name: found[name] for name in VERSIONS} | {"code of asda": code_digest()}
        settings = configuration.to_dict(config)
        _agree(process, settings | {"version of": versions}, "give all processes the same")


def agree_on_data(digests: Mapping[str, str], process: Process) -> None:
    """Compare the digests of data, units and initial model."""
    _agree(process, digests, "give all processes the same data")


def agree_on_state(model: nn.Module, update: int, process: Process) -> None:
    """Compare the update and the weights that the processes go on from."""
    if process.world_size > 1:
        found = {"completed updates": update, "digest of the weights": _weights_digest(model)}
        _agree(process, found, "all processes need the same experiment folder")


def agree_on_folder(folder: Path, process: Process) -> None:
    """Find out whether all processes see the experiment folder of the first one.

    Raises:
        InputError: naming the process and host that does not.
    """
    if process.world_size == 1:
        return
    token = gather(uuid.uuid4().hex)[0]
    if process.is_first:
        with atomic_write(folder / TOKEN) as stream:
            stream.write(token)
    places = gather((socket.gethostname(), _is_seen(folder / TOKEN, token)))
    if process.is_first:
        (folder / TOKEN).unlink()
    with failing_together():
        for rank, (host, seen) in enumerate(places if process.is_first else ()):
            if not seen:
                raise InputError(
                    f"{folder}: process {rank} on {host} does not see this folder of the first"
                    f" process on {places[0][0]}; put the experiment on a disk that all hosts share"
                )


def _weights_digest(model: nn.Module) -> str:
    sha = hashlib.sha256()
    for tensor in model.state_dict().values():
        sha.update(tensor.cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return sha.hexdigest()[:DIGITS]


def _is_seen(path: Path, token: str) -> bool:
    """Return whether a file holds the token, or does so after a while."""
    end = time.monotonic() + LAG
    while True:
        try:
            if path.read_text(encoding="utf-8") == token:
                return True
        except OSError:
            pass
        if time.monotonic() > end:
            return False
        time.sleep(0.2)


def _agree(process: Process, own: Mapping[str, Any], remedy: str) -> None:
    """Refuse to go on where a process has other values than the first one.

    Raises:
        InputError: in all processes; that of the first one says what differs.
    """
    found = gather((socket.gethostname(), dict(own)))
    first_host, first = found[0]
    with failing_together():
        for rank, (host, values) in enumerate(found if process.is_first else ()):
            changed = configuration.differences(first, values, ignored=OWN_SETTINGS)
            if changed:
                raise InputError(
                    f"process {rank} on {host} differs from the first one on {first_host}"
                    f" ({'; '.join(changed.values())}): {remedy}"
                )
