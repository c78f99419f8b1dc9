"""The environment of a result, and how processes of one training compare theirs."""

import subprocess

import pytest
import torch

import asda
from asda.distributed import Process
from asda.provenance import code_digest, environment
from asda.training import agreement
from asda.training.run_config import PretrainConfig


@pytest.fixture
def no_git(monkeypatch):
    """Return a function after whose call this host has no git."""

    def missing(words, **_options):
        raise FileNotFoundError(words[0])

    return lambda: monkeypatch.setattr(subprocess, "run", missing)


def test_a_process_on_a_host_without_git_has_the_version_of_the_others(monkeypatch, no_git):
    compared = []
    monkeypatch.setattr(agreement, "gather", lambda own: [compared.append(own[1]) or own])
    config, process = PretrainConfig(train="data", exp="exp"), Process(0, 2, torch.device("cpu"))
    agreement.agree_on_settings(config, process)
    no_git()
    assert environment()["commit"] is None
    agreement.agree_on_settings(config, process)
    assert compared[0] == compared[1]
    assert compared[0]["version of"]["code of asda"] == code_digest()


def test_the_digest_of_the_code_changes_with_any_file(tmp_path, monkeypatch):
    (tmp_path / "asda/model").mkdir(parents=True)
    monkeypatch.setattr(asda, "__file__", str(tmp_path / "asda/__init__.py"))
    digests = []
    for content in ("x = 1\n", "x = 2\n"):
        (tmp_path / "asda/model/heads.py").write_text(content)
        digests += [code_digest(), code_digest()]
    (tmp_path / "asda/model/heads.pyc").write_bytes(b"compiled")
    digests.append(code_digest())
    assert digests[0] == digests[1] != digests[2] == digests[3] == digests[4]
