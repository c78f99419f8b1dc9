"""What the output of a model means survives saving, export and import, and decides how it ranks."""

import numpy as np
import pytest
import torch
from checkpoint.reference_files import eat_export, finetuned
from dataset.directories import two_sounds, with_features
from training.runs import run_finetune

from asda.checkpoint import tensor_files
from asda.checkpoint.load import read_model
from asda.cli import main
from asda.scoring.compare import read_result
from asda.scoring.predictions import ScoredClips

REFERENCE = ("--format", "reference")


@pytest.mark.parametrize(
    ("part", "cfg", "output"),
    [
        ("task", {"esc50_eval": True}, "softmax"),
        ("model", {"esc50_eval": True, "spcv2_eval": False}, "softmax"),
        ("task", {"esc50_eval": False, "spcv2_eval": True}, "sigmoid"),
        ("task", {}, "sigmoid"),
    ],
)
def test_the_cfg_of_a_reference_checkpoint_tells(tmp_path, part, cfg, output):
    content = finetuned()
    content["cfg"][part] |= cfg
    torch.save(content, tmp_path / "theirs.pt")
    assert read_model(tmp_path / "theirs.pt").output == output


@pytest.mark.parametrize("extra", [None, "lost", {"asda_output": "ctc"}, {"asda_output": [1]}])
def test_odd_extra_states_tell_nothing(tmp_path, extra):
    torch.save(finetuned() | {"extra_state": extra}, tmp_path / "theirs.pt")
    assert read_model(tmp_path / "theirs.pt").output == "sigmoid"


@pytest.mark.parametrize(("classes", "output"), [(0, "tokens"), (4, "sigmoid")])
def test_exports_of_eat_are_of_audioset(tmp_path, classes, output):
    torch.save(eat_export(classes=classes), tmp_path / "theirs.pt")
    assert read_model(tmp_path / "theirs.pt").output == output


@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
def test_it_survives_export_and_import(tmp_path, output):
    torch.save(finetuned(), tmp_path / "theirs.pt")
    saved = read_model(tmp_path / "theirs.pt")
    saved.output = output
    tensor_files.save(saved.content(), tmp_path / "model.pt")
    main(["export", str(tmp_path / "model.pt"), str(tmp_path / "exported.pt"), *REFERENCE])
    main(["import-checkpoint", str(tmp_path / "exported.pt"), str(tmp_path / "again.pt")])
    for name in ("model", "exported", "again"):
        assert read_model(tmp_path / f"{name}.pt").output == output


@pytest.fixture
def first_format(tmp_path):
    """A function that writes a file of the first format and reads it."""

    def read(**entries):
        torch.save(finetuned(), tmp_path / "theirs.pt")
        content = read_model(tmp_path / "theirs.pt").content() | {"format": "asda model 1"}
        content["model"]["clones"] = content["model"].pop("num_masks")
        del content["output"]
        content |= {"kind": "classifier", "head": {"pooling": "cls"}} | entries
        tensor_files.save(content, tmp_path / "model.pt")
        return read_model(tmp_path / "model.pt")

    return read


@pytest.mark.parametrize(
    ("facts", "output"),
    [({"loss": "cross_entropy"}, "softmax"), ({"loss": "bce"}, "sigmoid"), ({}, "sigmoid")],
)
def test_a_file_of_the_first_format_is_upgraded(first_format, facts, output):
    saved = first_format(facts=facts | {"updates": 3})
    assert (saved.kind, saved.output) == ("finetuned", output)
    assert saved.head == {"name": "classifier", "pooling": "cls"}
    assert saved.config.num_masks == 16
    assert saved.build()(torch.zeros(1, 64, 128)).shape == (1, 5)


def test_a_pretrained_model_of_the_first_format_is_upgraded(first_format):
    weights = {n: t for n, t in first_format().weights.items() if n.startswith("encoder.")}
    saved = first_format(kind="encoder", head={}, labels=[], weights=weights)
    assert (saved.kind, saved.output, saved.head) == ("encoder", "tokens", {})


@pytest.fixture
def softmax_model(tmp_path, no_images):
    """A model of the reference's form, trained with cross entropy, whose logits have an offset.

    A softmax head may add any one vector to the weights of all its classes: the probabilities are
    the same, but the logits of every clip are shifted by another number.
    """
    for name, seed in (("train", 0), ("test", 1)):
        clips = two_sounds(12, seed)
        wide = {utterance: np.tile(matrix, (1, 8)) for utterance, matrix in clips.items()}
        with_features(tmp_path / name, wide, labels=["a", "b", "c"])
    form = {"model__mel_bins": 128, "model__patch": {"time": 16, "freq": 16}}
    data = {"data__padding": "fill", "data__max_frames": 32}
    content = run_finetune(tmp_path, tmp_path / "exp", **form, **data)
    torch.manual_seed(0)
    content["weights"]["head.weight"] += 5 * torch.randn(1, 16)
    tensor_files.save(content, tmp_path / "model.pt")
    return tmp_path / "model.pt"


@pytest.mark.slow
def test_a_softmax_model_ranks_clips_the_same_after_export(softmax_model, tmp_path):
    main(["export", str(softmax_model), str(tmp_path / "exported.pt"), *REFERENCE])
    scores, metrics = {}, {}
    for model in (softmax_model, tmp_path / "exported.pt", tmp_path / "exp/model.pt"):
        out = tmp_path / f"score_{model.stem}_{model.parent.name}"
        words = ["--model", model, "--data", tmp_path / "test", "--out", out, "--device", "cpu"]
        main(["score", *map(str, words)])
        scores[model] = ScoredClips.load(out).scores
        metrics[model] = {
            name: metric["value"] for name, metric in read_result(out)["metrics"].items()
        }
    ours, theirs, without_offset = metrics
    assert np.exp(scores[theirs]).sum(1) == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(scores[theirs], scores[ours], atol=1e-5)
    np.testing.assert_allclose(scores[theirs], scores[without_offset], atol=1e-3)
    assert metrics[theirs] == pytest.approx(metrics[ours])
    assert metrics[theirs]["mAP"] == pytest.approx(metrics[without_offset]["mAP"])
