"""Checkpoints of unfinished trainings as models, and averages of several stages."""

import pytest
import torch
from training.runs import run_finetune, run_pretrain, stopped_before

from asda.checkpoint import tensor_files
from asda.checkpoint.describe import describe
from asda.checkpoint.load import read_model
from asda.cli import main
from asda.files import InputError

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_images")]


@pytest.fixture(scope="module")
def runs(data, tmp_path_factory):
    """A folder with a stopped pretraining and a completed fine-tuning with snapshots."""
    root = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("asda.training.progress.draw_curves", lambda history, folder: None)
        with stopped_before(5):
            run_pretrain(data, root / "pretrain", training__save_every=1)
        options = {"training__final": "average", "training__evaluate_every": 2}
        run_finetune(data, root / "finetune", valid=data / "valid", **options)
        run_finetune(data, root / "other", training__seed=2)
    return root


def average(*words):
    main(["average", *map(str, words)])


def test_a_checkpoint_is_described(runs):
    lines = describe(read_model(runs / "pretrain/checkpoint.pt"))
    assert (lines["kind"], lines["updates"], lines["from_updates"]) == ("pretrained", 5, [5])
    lines = describe(read_model(runs / "finetune/checkpoint.pt"))
    assert (lines["kind"], lines["updates"]) == ("finetuned", 8)
    assert lines["labels"].startswith("2: ")


def test_a_checkpoint_becomes_a_model(runs, tmp_path, capsys):
    average(runs / "pretrain/checkpoint.pt", "--out", tmp_path / "model.pt")
    assert capsys.readouterr().out == f"wrote {tmp_path}/model.pt (pretrained, of updates [5])\n"
    content = tensor_files.load(runs / "pretrain/checkpoint.pt")
    saved = read_model(tmp_path / "model.pt")
    assert saved.facts["from_updates"] == [5]
    for name, tensor in content["model"].items():
        assert torch.equal(saved.weights[name], tensor)


def test_the_average_of_snapshots_is_that_of_the_finished_model(runs, tmp_path):
    snapshots = sorted((runs / "finetune/snapshots").iterdir())
    assert len(snapshots) == 4
    average(*snapshots, "--out", tmp_path / "model.pt")
    finished, again = read_model(runs / "finetune/model.pt"), read_model(tmp_path / "model.pt")
    assert again.facts["from_updates"] == finished.facts["from_updates"] == [2, 4, 6, 8]
    assert again.facts["final"] == "average"
    for name, tensor in finished.weights.items():
        assert torch.equal(again.weights[name], tensor)
    average(*snapshots[:2], "--out", tmp_path / "two.pt")
    first, second = (tensor_files.load(path)["model"] for path in snapshots[:2])
    two = read_model(tmp_path / "two.pt").weights
    for name, tensor in two.items():
        torch.testing.assert_close(tensor, (first[name] + second[name]) / 2)


def test_models_of_different_runs_are_not_averaged(runs, tmp_path, capsys):
    with pytest.raises(SystemExit):
        average(runs / "finetune/model.pt", runs / "other/model.pt", "--out", tmp_path / "m.pt")
    error = capsys.readouterr().err
    assert (
        f"{runs}/other/model.pt: does not belong to the same run as {runs}/finetune/model.pt"
        in error
    )
    assert "seed: 1 -> 2" in error and error.count("\n") == 1
    assert not (tmp_path / "m.pt").exists()


def test_fine_tuning_starts_from_a_checkpoint(data, runs, tmp_path):
    run_finetune(data, tmp_path / "run", init=runs / "pretrain/checkpoint.pt", training__updates=1)
    run_finetune(
        data,
        tmp_path / "frozen",
        init=runs / "pretrain/checkpoint.pt",
        training__updates=1,
        classifier__freeze_encoder=True,
    )
    student = read_model(runs / "pretrain/checkpoint.pt").encoder_weights("student")
    found = read_model(tmp_path / "frozen/model.pt").encoder_weights()
    for name, tensor in student.items():
        assert torch.equal(found[name], tensor)


def test_scoring_takes_a_checkpoint(data, runs, tmp_path):
    words = ["--model", runs / "finetune/checkpoint.pt", "--data", data / "valid"]
    words += ["--out", tmp_path / "score", "--device", "cpu"]
    main(["score", *map(str, words)])
    assert (tmp_path / "score/result.json").exists()


def test_a_checkpoint_that_does_not_describe_its_model_says_what_to_do(runs, tmp_path):
    content = tensor_files.load(runs / "pretrain/checkpoint.pt")
    del content["about"]
    tensor_files.save(content, tmp_path / "checkpoint.pt")
    with pytest.raises(InputError, match=r"earlier version of asda.*resume its run .*/run\.sh"):
        read_model(tmp_path / "checkpoint.pt")


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
@pytest.mark.parametrize("name", ["finetune/model.pt", "finetune/checkpoint.pt"])
def test_names_from_ddp_and_compile_are_understood(runs, tmp_path, name, prefix):
    content = tensor_files.load(runs / name)
    part = "model" if "checkpoint" in name else "weights"
    content[part] = {f"{prefix}{key}": tensor for key, tensor in content[part].items()}
    tensor_files.save(content, tmp_path / "prefixed.pt")
    whole, prefixed = read_model(runs / name), read_model(tmp_path / "prefixed.pt")
    assert whole.weights.keys() == prefixed.weights.keys()


def test_a_part_that_was_compiled_is_understood(runs, tmp_path):
    content = tensor_files.load(runs / "finetune/model.pt")
    content["weights"] = {
        name.replace("encoder.", "encoder._orig_mod."): tensor
        for name, tensor in content["weights"].items()
    }
    tensor_files.save(content, tmp_path / "prefixed.pt")
    assert read_model(tmp_path / "prefixed.pt").weights.keys() == (
        read_model(runs / "finetune/model.pt").weights.keys()
    )


def test_a_file_that_is_read_is_not_replaced(runs, tmp_path, capsys):
    checkpoint = runs / "pretrain/checkpoint.pt"
    before = checkpoint.read_bytes()
    (tmp_path / "link.pt").symlink_to(checkpoint)
    for words in (
        ["average", checkpoint, "--out", checkpoint],
        ["average", checkpoint, "--out", tmp_path / "link.pt"],
        ["export", checkpoint, checkpoint, "--format", "reference"],
        ["import-checkpoint", checkpoint, checkpoint],
    ):
        with pytest.raises(SystemExit):
            main([str(word) for word in words])
        assert "would replace the file that is read; choose another" in capsys.readouterr().err
        assert checkpoint.read_bytes() == before
