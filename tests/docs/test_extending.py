"""The example of docs/extending.md trains and scores."""

import shutil
import sys
from types import ModuleType

import pytest
from test_documents import program
from training.runs import write_config

from asda.model import heads
from asda.model.classifier import Classifier
from asda.scoring.compare import read_result

pytestmark = pytest.mark.slow


def test_the_example_trains_and_scores(repository, data, tmp_path, no_images, monkeypatch):
    page = repository / "docs/extending.md"
    module = ModuleType("extending")  # types of settings are looked up in the module of a class
    monkeypatch.setitem(sys.modules, "extending", module)
    monkeypatch.setattr(heads, "HEADS", {Classifier.name: Classifier})
    exec(compile(program(page), str(page), "exec"), vars(module))
    for name in ("train", "valid"):
        shutil.copytree(data / name, tmp_path / name)
        utterances = (data / name / "feats.scp").read_text().split()[::2]
        table = "".join(f"{utterance} {5 + row}\n" for row, utterance in enumerate(utterances))
        (tmp_path / name / "utt2loud").write_text(table)
    path = write_config(tmp_path, tmp_path / "exp", valid=tmp_path / "valid", training__updates=2)
    module.main(path)
    module.score(tmp_path / "exp/model.pt", tmp_path / "valid", None, tmp_path / "score")
    assert read_result(tmp_path / "score")["metrics"]["error"]["value"] > 0
