"""Digests of a run's inputs: a run may only resume, or count as complete, if they are unchanged."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import yaml

from asda.configuration import read_yaml
from asda.dataset.fingerprint import fingerprint
from asda.digests import file_digest
from asda.files import InputError, atomic_write
from asda.registry.model_cache import local_file
from asda.training.experiment import Experiment, has_begun
from asda.training.run_inputs import run_inputs


def check_inputs(experiment: Experiment, new: Mapping[str, str]) -> None:
    """Compare the inputs of a run with the record in its folder, and update that.

    Args:
        new: name and digest of each input

    Raises:
        InputError: naming the inputs that have changed.
    """
    if not experiment.process.is_first:
        return
    record = experiment.folder / "inputs.yaml"
    old: dict[str, str] = {}
    if record.exists() and has_begun(experiment.folder):
        old = read_yaml(record)
    changed = [name for name in new if name in old and old[name] != new[name]]
    if changed:
        raise InputError(
            f"{experiment.folder} holds a run on other data ({', '.join(changed)} changed since):"
            " choose another experiment folder or tag, or remove this one"
        )
    with atomic_write(record) as stream:
        yaml.safe_dump(old | dict(new), stream)


def input_digests(experiment: Experiment, truth: Collection[str]) -> dict[str, str]:
    """Return name and digest of the data and the initial model.

    Inputs of a completed run may have been deleted since; these have none.

    Args:
        truth: what matters besides features: "labels", "transcripts"

    Raises:
        InputError: if data of a run that is not complete cannot be read.
    """
    config = experiment.config
    files = {name: Path(path) for name, path in config.further_inputs().items()}
    if config.init:
        files["init"] = local_file(config.init)
    inputs = {name: file_digest(path) for name, path in files.items() if path.is_file()}
    for source in run_inputs(config):
        corpus = f"{source.name}/" if source.name else ""
        for name, directory in (("train", source.train), ("valid", source.valid)):
            if directory is None:
                continue
            try:
                prints = fingerprint(directory, source.features, truth)
            except InputError:
                if not experiment.model.exists():
                    raise
            else:
                inputs |= {f"{what} of {corpus}{name}": value for what, value in prints.items()}
    return inputs
