"""Configurations of the published runs."""

import pytest

from asda.command_line import run_cli
from asda.training.run_config import FinetuneConfig, PretrainConfig


@pytest.fixture
def preset(repository):
    """Read a preset as `asda pretrain` and `asda finetune` do."""

    def load(name):
        config_class = PretrainConfig if name.startswith("pretrain") else FinetuneConfig
        path = repository / "egs/presets" / f"{name}.yaml"
        words = ["--config", str(path), "--train", "data/train", "--exp", "exp/run"]
        return run_cli(config_class, words, "asda")

    return load
