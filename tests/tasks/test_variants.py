"""Options that other models have, each by configuration alone: from pretraining to a score."""

import pytest
import torch
from tasks.spoken_words import config as recognition
from tasks.spoken_words import directory
from training.runs import run_finetune, run_pretrain

import asda
from asda.checkpoint.load import read_model
from asda.cli import main
from asda.configuration import build
from asda.files import InputError
from asda.tasks.recognition import RecognitionTask
from asda.training.ctc_config import CtcConfig

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_images")]

OPTIONS = {
    "gated": {"model__attention__kind": "gated"},
    "diff_v2": {"model__attention__kind": "diff_v2"},
    "vit": {"model__decoder": {"kind": "vit", "layers": 1}},
    "block": {"model__target_output": "block"},
    "clip": {"data__norm": "clip"},
}
SHOWN = {
    "gated": "standard attention with a gate on its output, as in BAT",
    "diff_v2": "differential attention of DIFF V2, lambda of each token and head",
    "vit": "ViT, 1 blocks x 16 x 2",
    "block": "whole blocks of the top 2 of 2 blocks, normalised by clip",
    "clip": "each clip from 0 to 1, of its loudest 80 dB",
}
FEW = {"training__updates": 2, "training__evaluate_every": 0}


@pytest.fixture(scope="module")
def pretrained(data, tmp_path_factory):
    """A folder with a short pretraining of each option, and one of all of them together."""
    root = tmp_path_factory.mktemp("variants")
    every = {key: value for option in OPTIONS.values() for key, value in option.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("asda.training.progress.draw_curves", lambda history, folder: None)
        for name, options in (OPTIONS | {"all": every}).items():
            run_pretrain(data, root / name, valid=data / "valid", **FEW, **options)
    return root


@pytest.mark.parametrize("name", [*OPTIONS, "all"])
def test_it_is_described_and_averaged(pretrained, tmp_path, capsys, name):
    path, mean = pretrained / name / "model.pt", tmp_path / "mean.pt"
    main(["info", str(path)])
    shown = capsys.readouterr().out
    wanted = SHOWN.values() if name == "all" else [SHOWN[name]]
    for text in wanted if name != "all" else [*wanted][1:]:  # one kind of attention only
        assert text in shown
    main(["average", str(path), str(pretrained / name / "checkpoint.pt"), "--out", str(mean)])
    first, again = read_model(path), read_model(mean)
    assert (again.model, again.normalization) == (first.model, first.normalization)
    for key, tensor in first.weights.items():
        torch.testing.assert_close(again.weights[key], tensor)


@pytest.mark.parametrize("name", [*OPTIONS, "all"])
def test_it_is_finetuned_scored_and_loaded(data, pretrained, tmp_path, name):
    """The classifier takes over what belongs to the encoder and to the features."""
    init = read_model(pretrained / name / "model.pt")
    run_finetune(data, tmp_path / "run", init=init.path, **FEW)
    path = tmp_path / "run/model.pt"
    saved = read_model(path)
    assert saved.model == init.model
    assert (saved.normalization == init.normalization) or name not in ("clip", "all")
    assert ("range_db" in saved.normalization) == (name in ("clip", "all"))
    out = tmp_path / "score"
    main(["score", "--model", str(path), "--data", str(data / "valid"), "--out", str(out)])
    assert (out / "result.json").exists()
    frames = torch.randn(1, 32, 16)
    encoder = asda.load(path, device="cpu").network.encoder
    assert encoder(frames).tokens.isfinite().all()


def test_a_recogniser_starts_from_it(pretrained, tmp_path):
    directory(tmp_path / "train", 16, seed=1)
    words = ["units", "--text", str(tmp_path / "train"), "--kind", "word"]
    main([*words, "--out", str(tmp_path / "units")])
    options = {"init": str(pretrained / "all/model.pt"), **FEW}
    content = recognition(tmp_path, tmp_path / "run", **options)
    del content["model"]
    RecognitionTask.run(build(CtcConfig, content, "test"))
    saved = read_model(tmp_path / "run/model.pt")
    assert saved.config.attention.kind == "diff_v2"
    assert saved.normalization == {"range_db": 80.0}


def test_settings_of_the_features_that_differ_from_those_of_the_start_are_warned_of(
    data, pretrained, tmp_path, caplog
):
    init = str(pretrained / "clip/model.pt")
    run_finetune(data, tmp_path / "run", init=init, data__norm="corpus", **FEW)
    assert "but " + init + " was trained on features normalised clip by clip" in caplog.text
    assert set(read_model(tmp_path / "run/model.pt").normalization) == {"mean", "std"}


@pytest.mark.parametrize("name", ["gated", "diff_v2", "vit", "clip"])
def test_the_reference_s_format_refuses_it(pretrained, tmp_path, name, capsys):
    path, out = pretrained / name / "model.pt", tmp_path / "theirs.pt"
    with pytest.raises(SystemExit):
        main(["export", str(path), str(out), "--format", "reference"])
    said = capsys.readouterr().err
    assert "the reference" in said and said.count("\n") == 1
    assert not out.exists()


def test_a_run_that_was_stopped_resumes(data, tmp_path):
    """All options together, bit for bit."""
    from training.runs import assert_same_weights, stopped_before

    every = {key: value for option in OPTIONS.values() for key, value in option.items()}
    options = every | {"training__updates": 4, "training__evaluate_every": 0}
    whole = run_pretrain(data, tmp_path / "whole", **options)
    with stopped_before(3):
        run_pretrain(data, tmp_path / "stopped", **options)
    assert_same_weights(whole, run_pretrain(data, tmp_path / "stopped", **options))


def test_moments_and_normalisation_by_clip_exclude_each_other(data, tmp_path):
    with pytest.raises((InputError, ValueError), match=r"data\.norm_mean"):
        run_pretrain(
            data,
            tmp_path / "run",
            data__norm="clip",
            data__norm_mean=-4.0,
            data__norm_std=3.0,
        )
