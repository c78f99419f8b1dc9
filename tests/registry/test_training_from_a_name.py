"""Fine-tuning that starts from a model by its name."""

import shutil

import pytest
from training.runs import run_finetune, run_pretrain

from asda.configuration import read_yaml
from asda.digests import file_digest
from asda.files import InputError
from asda.registry.known_models import KnownModel, add_model, known_model
from asda.registry.model_cache import cached_file

pytestmark = pytest.mark.slow


def test_a_run_starts_from_a_fetched_model_and_notes_its_digest(data, tmp_path, server, no_images):
    run_pretrain(data, tmp_path / "first", training__updates=1)
    shutil.copy(tmp_path / "first/model.pt", server.folder)
    add_model(KnownModel("mine", address=f"{server.url}/model.pt"))
    saved = run_finetune(data, tmp_path / "run", init="mine", training__updates=1)
    assert saved["facts"]["init"] == "mine"
    digest = file_digest(tmp_path / "first/model.pt")
    assert read_yaml(tmp_path / "run/inputs.yaml")["init"] == digest
    cached_file(known_model("mine")).write_bytes((tmp_path / "run/model.pt").read_bytes())
    with pytest.raises(InputError, match="holds a run on other data \\(init changed since\\)"):
        run_finetune(data, tmp_path / "run", init="mine", training__updates=1)
