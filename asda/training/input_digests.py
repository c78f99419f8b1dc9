"""What a run reads: while its experiment folder stands, this must stay the same."""

from __future__ import annotations

from pathlib import Path

import yaml

from asda.dataset.fingerprint import fingerprint
from asda.digests import file_digest
from asda.files import InputError, atomic_write
from asda.training.experiment import Experiment
from asda.training.run_config import FinetuneConfig, PretrainConfig


def check_inputs(experiment: Experiment, labelled: bool) -> None:
    """Refuse to continue, or to call complete, a run whose data or first model has changed.

    What a finished run read may be gone; then it is taken as unchanged.

    Args:
        labelled: whether the labels of clips matter
    """
    if not experiment.process.is_first:
        return
    record = experiment.folder / "inputs.yaml"
    new, old = _inputs(experiment, labelled), {}
    if record.exists() and experiment.has_begun:
        old = yaml.safe_load(record.read_text(encoding="utf-8"))
    changed = [name for name in new if name in old and old[name] != new[name]]
    if changed:
        raise InputError(
            f"{experiment.folder} holds a run on other data ({', '.join(changed)} changed since):"
            " choose another experiment folder or tag, or remove this one"
        )
    with atomic_write(record) as stream:
        yaml.safe_dump(old | new, stream)


def _inputs(experiment: Experiment, labelled: bool) -> dict[str, str]:
    """Return a digest of each input by its name."""
    config: PretrainConfig | FinetuneConfig = experiment.config
    inputs = {}
    if config.init and Path(config.init).is_file():
        inputs["init"] = file_digest(config.init)
    for name in ("train", "valid"):
        directory = getattr(config, name)
        if directory is None:
            continue
        try:
            prints = fingerprint(directory, config.features, labelled)
        except InputError:
            if not experiment.model.exists():
                raise
        else:
            inputs |= {f"{what} of {name}": value for what, value in prints.items()}
    return inputs
