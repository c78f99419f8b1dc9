"""`asda plot` from files to figures."""

import re
import sys

import numpy as np
import pytest
import soundfile
from figures.sounds import half_silent, write_directory
from inference.model_files import RATE, write_model

from asda.cli import main
from asda.model.part_configs import AttentionConfig, PatchConfig


@pytest.fixture
def files(tmp_path):
    clips = {f"clip{n}": half_silent(1.0 + 0.2 * n, n) for n in range(5)}
    write_directory(tmp_path / "data", clips, labels=("hum", "hiss"))
    write_model(tmp_path / "tagger.pt")
    write_model(tmp_path / "pretrained.pt", "pretrained")
    soundfile.write(tmp_path / "long.wav", half_silent(5.0), RATE)
    return tmp_path


def refused(capsys, *words):
    with pytest.raises(SystemExit) as stop:
        main(["plot", *map(str, words)])
    assert stop.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize("options", [[], ["--at", "0.5", "--heads", "1,3", "--layers", "-1"]])
def test_attention_of_a_file(files, capsys, options):
    for name in ("attention.png", "attention.svg"):
        words = [files / "tagger.pt", files / "data/clip0.wav", "--out", files / name, *options]
        main(["plot", "attention", *map(str, words)])
    assert (files / "attention.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (files / "attention.svg").read_text()
    assert capsys.readouterr().err == ""


def test_attention_of_a_lambda_for_each_query_and_features_normalised_by_clip(files, capsys):
    settings = {"attention": AttentionConfig(kind="diff_v2"), "normalization": {"range_db": 80.0}}
    model = write_model(files / "diff_v2.pt", **settings)
    words = ["attention", model, files / "data/clip0.wav", "--out", files / "attention.svg"]
    main(["plot", *map(str, words)])
    assert "map 1 − λ of the query · map 2" in (files / "attention.svg").read_text()
    assert capsys.readouterr().err == ""


def test_the_same_call_writes_the_same_svg(files):
    words = ["plot", "attention", str(files / "tagger.pt"), str(files / "data/clip0.wav"), "--out"]
    for name in ("a.svg", "b.svg"):
        main([*words, str(files / name)])
    assert (files / "a.svg").read_bytes() == (files / "b.svg").read_bytes()


def test_of_a_long_file_the_first_input_is_drawn_and_the_rest_is_named(files, capsys):
    words = ["masks", files / "pretrained.pt", files / "long.wav", "--out", files / "masks.png"]
    main(["plot", *map(str, words)])
    found = capsys.readouterr()
    assert (
        "drawn up to 2.00 s, the model's longest input; --start 2.00 draws what follows"
        in found.err
    )
    main(["plot", *map(str, words), "--start", "3.2"])
    assert capsys.readouterr().err == ""


def test_silence_writes_a_table_beside_the_figure(files, capsys):
    words = [files / "pretrained.pt", files / "data", "--out", files / "silence.png"]
    main(["plot", "attention-on-silence", *map(str, words), "--encoder", "teacher"])
    header, *rows = (files / "silence.tsv").read_text().splitlines()
    assert header == "layer\tquantity\tvalue\tlow\thigh"
    values = {tuple(row.split("\t")[:2]): float(row.split("\t")[2]) for row in rows}
    assert 0.4 < values["1", "uniform"] < 0.6
    assert {layer for layer, _ in values} == {"1", "2", "mean"}
    printed = capsys.readouterr().out
    assert "5 clips; 0 with too little contrast left out" in printed
    assert re.search(r"\| mean +\| \d\d\.\d\d \[", printed)
    assert (files / "silence.png").stat().st_size > 1000


def test_projection_writes_coordinates_and_leaves_bad_audio_out(files, capsys):
    (files / "data/clip1.wav").write_bytes(b"no audio")
    words = [files / "tagger.pt", files / "data", "--out", files / "projection.svg"]
    main(["plot", "projection", *map(str, words), "--layer", "1"])
    header, *rows = (
        line.split("\t") for line in (files / "projection.tsv").read_text().splitlines()
    )
    assert header == ["utterance", "label", "x", "y"]
    assert [row[:2] for row in rows] == [
        ["clip0", "hum"],
        ["clip2", "hum"],
        ["clip3", "hiss"],
        ["clip4", "hum"],
    ]
    coordinates = np.array([row[2:] for row in rows], float)
    np.testing.assert_allclose(coordinates.mean(0), 0, atol=1e-4)
    assert "warning: clip1: " in capsys.readouterr().err


def test_a_clip_in_which_nothing_is_masked_has_no_errors_to_draw(files, capsys):
    soundfile.write(files / "short.wav", half_silent(0.03), RATE)  # one patch, which stays visible
    model = write_model(files / "whole_frames.pt", "pretrained", patch=PatchConfig(freq=128))
    words = ("masks", model, files / "short.wav", "--out", files / "masks.png")
    said = refused(capsys, *words)
    assert "short.wav: too short: mask 1 hides no patch of it" in said
    assert not (files / "masks.png").exists()


def test_what_is_missing_is_said_before_the_data_are_read(files, capsys, monkeypatch):
    def untouched(*_):
        raise AssertionError("the model has run")

    monkeypatch.setattr("asda.inference.audio_model.AudioModel.run", untouched)
    data = (files / "tagger.pt", files / "data", "--out", files / "a.png")
    said = refused(capsys, "attention-on-silence", *data, "--groups", files / "none")
    assert said.endswith("none: no such file")
    monkeypatch.setitem(sys.modules, "umap", None)
    said = refused(capsys, "projection", *data, "--method", "umap")
    assert "this needs umap: pip install 'asda[umap]', or choose pca" in said


def test_wrong_use_is_one_line(files, capsys):
    tagger, clip, out = files / "tagger.pt", files / "data/clip0.wav", ["--out", files / "a.png"]
    attend = ("attention", tagger)
    assert "end the name of --out in .png or .svg" in refused(
        capsys, *attend, clip, "--out", files / "a.pdf"
    )
    for layers, message in (("3", "no layer 3"), ("0", "layer 0, .* has no attention")):
        assert re.search(message, refused(capsys, *attend, clip, *out, "--layers", layers))
    assert "--heads: 0 is out of range: the model has heads 1 to 4" in refused(
        capsys, *attend, clip, *out, "--heads", 0
    )
    assert "--at: 9 s is not between 0.00 and 0.98 s" in refused(
        capsys, *attend, clip, *out, "--at", 9
    )
    assert "missing.wav" in refused(capsys, *attend, files / "missing.wav", *out)
    assert "a fine-tuned model; masks need a pretrained model" in refused(
        capsys, "masks", tagger, clip, *out
    )
    assert "--masks must be at least 1" in refused(
        capsys, "masks", files / "pretrained.pt", clip, *out, "--masks", 0
    )
    assert "no such data directory" in refused(
        capsys, "attention-on-silence", tagger, files / "none", *out
    )
    assert "no layer 7" in refused(capsys, "projection", tagger, files / "data", *out, "--layer", 7)
    assert "give the experiment folder of a training" in refused(capsys, "curves", files, *out)
    assert not (files / "a.png").exists()
