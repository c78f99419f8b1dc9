"""`asda embed`: vectors of files, folders and data directories in one file."""

import h5py
import kaldiio
import numpy as np
import pytest

import asda
from asda.apply import embedding_output
from asda.audio.wav_scp import AudioSegment
from asda.cli import main
from asda.inference.audio_model import AudioModel
from asda.inference.computations import embeddings


def embed(*words):
    main(["embed", "model.pt", *map(str, words)])


FILES = ["sounds/0.wav", "sounds/1.wav", "sounds/2.wav"]


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ([], {}),
        (["--pooling", "cls"], {"pooling": "cls"}),
        (
            ["--pooling", "statistics", "--layers", "0,2"],
            {"pooling": "statistics", "layers": [0, 2]},
        ),
        (["--layers", "1:0.25,2:0.75"], {"layers": {1: 0.25, 2: 0.75}}),
    ],
)
def test_vectors_of_clips_are_those_of_python(place, words, options):
    embed("sounds", "--out", "out.npz", *words)
    found = np.load("out.npz")
    assert found["names"].tolist() == FILES
    expected = asda.load("model.pt").embed(FILES, **options).numpy()
    assert np.abs(found["embeddings"] - expected).max() < 1e-5
    assert found["times"].tolist() == [[0, 1], [0, 0.5], [0, 3.3]]


def test_windows_have_a_row_each(place):
    embed("sounds", "--out", "out.h5", "--window", 1)
    with h5py.File("out.h5") as file:
        first, second = file["offsets"][2:4]
        times = file["times"][first:second]
        assert times[:2].tolist() == [[0, 1], [0.5, 1.5]]
        assert times[-1, 1] == 3.3
        found = file["embeddings"][first:second]
    model = asda.load("model.pt")
    compute = embeddings(model.network, None, -1)
    windows = model.run([AudioSegment("sounds/2.wav")], compute, window=1, hop=0.5)
    expected = np.stack([window.output.numpy() for window in windows])
    assert np.abs(found - expected).max() < 1e-5


def test_frames_have_a_row_and_a_time_each(place):
    embed("sounds", "--out", "out.npz", "--frames")
    embed("sounds", "--out", "out.ark", "--frames")
    found, archive = np.load("out.npz"), kaldiio.load_scp("out.scp")
    expected = asda.load("model.pt").frames("sounds/2.wav")
    first = found["offsets"][2]
    assert np.abs(found["embeddings"][first:] - expected.features.numpy()).max() < 1e-5
    assert found["times"][first:] == pytest.approx(expected.times.numpy(), abs=1e-5)
    assert np.array_equal(archive["sounds/2.wav"], found["embeddings"][first:])


def test_a_data_directory_becomes_an_archive_of_vectors(place):
    (place / "data").mkdir()
    (place / "data/wav.scp").write_text("b sounds/1.wav\na sounds/0.wav\n")
    embed("data", "--out", "out.ark")
    embed("data", "--out", "out.npz")
    found = kaldiio.load_scp("out.scp")
    assert list(found) == np.load("out.npz")["names"].tolist() == ["a", "b"]
    assert np.array_equal(found["b"], np.load("out.npz")["embeddings"][1])


@pytest.mark.parametrize("name", ["out.npz", "out.h5", "out.ark"])
def test_a_second_call_computes_only_what_is_new(place, capsys, monkeypatch, name):
    embed("sounds/0.wav", "sounds/1.wav", "--out", name)
    computed = []
    of_windows = AudioModel._computed
    monkeypatch.setattr(AudioModel, "_computed", lambda *of: computed.append(of) or of_windows(*of))
    embed("sounds/0.wav", "sounds/1.wav", "--out", name)
    assert not computed
    assert f"{name} is complete" in capsys.readouterr().out
    embed("sounds", "--out", name)
    assert len(computed) == 1
    embed("sounds", "--out", f"whole{name}")
    assert same(place / name, place / f"whole{name}")
    assert {one.name for one in place.iterdir()} >= {name, f"{name}.done"}
    assert not list(place.glob("*.values"))


def same(one, other):
    if one.suffix == ".ark":
        first, second = (dict(kaldiio.load_scp(str(x.with_suffix(".scp")))) for x in (one, other))
    elif one.suffix == ".npz":
        first, second = (dict(np.load(x)) for x in (one, other))
    else:
        with h5py.File(one) as a, h5py.File(other) as b:
            first, second = ({key: file[key][()] for key in file} for file in (a, b))
    assert len(first) >= 3
    return first.keys() == second.keys() and all(
        np.allclose(first[key], second[key], atol=1e-6)
        if first[key].dtype.kind == "f"
        else np.array_equal(first[key], second[key])
        for key in first
    )


def test_an_output_that_was_deleted_is_computed_again(place, capsys):
    embed("sounds", "--out", "out.npz")
    (place / "out.npz").unlink()
    embed("sounds", "--out", "out.npz")
    assert "done before" not in capsys.readouterr().err
    assert len(np.load("out.npz")["embeddings"]) == 3


def test_a_stopped_call_continues_with_what_it_has(place, capsys, monkeypatch):
    kept = embedding_output.EmbeddingOutput.add

    def stop(self, one, result):
        if one.name == FILES[2]:
            raise KeyboardInterrupt
        kept(self, one, result)

    monkeypatch.setattr(embedding_output.EmbeddingOutput, "add", stop)
    monkeypatch.setattr("asda.cli.end_by", lambda number: None)
    embed("sounds", "--out", "out.npz")
    assert not (place / "out.npz").exists()
    monkeypatch.undo()
    monkeypatch.chdir(place)
    embed("sounds", "--out", "out.npz")
    assert "2 of 3 files are already done" in capsys.readouterr().err
    embed("sounds", "--out", "whole.npz")
    assert same(place / "out.npz", place / "whole.npz")


def test_bad_files_are_listed_and_the_others_written(place, capsys):
    (place / "sounds/1.wav").write_text("x")
    with pytest.raises(SystemExit) as ended:
        embed("sounds", "--frames", "--out", "out.npz")
    assert ended.value.code == 1
    assert "1 of 3 files could not be used: sounds/1.wav" in capsys.readouterr().err
    assert np.load("out.npz")["names"].tolist() == [FILES[0], FILES[2]]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--out", "x.txt"], "x.txt: unknown format"),
        (["--out", "x.npz", "--layers", "9"], "no layer 9; there are 0"),
        (["--out", "x.npz", "--layers", "top"], "--layers top: give a number"),
        (["--out", "x.npz", "--frames", "--window", "1"], "--window has no effect on frame"),
        (["--out", "x.npz", "--frames", "--pooling", "cls"], "--pooling has no effect on frame"),
        (["--out", "x.ark", "my sound.wav"], "'my sound.wav' cannot be a key of an archive"),
        (["--out", "x.npz", "--batch-size", "0"], "--batch-size must be at least 1"),
    ],
)
def test_options_that_do_not_fit_are_refused_in_one_line(place, capsys, words, said):
    before = sorted(place.rglob("*"))
    with pytest.raises(SystemExit) as ended:
        embed("sounds", *words)
    message = capsys.readouterr().err
    assert (ended.value.code, message.count("\n")) == (1, 1)
    assert said in message
    assert sorted(place.rglob("*")) == before
