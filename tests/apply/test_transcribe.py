"""`asda transcribe`: what is said in files, folders and data directories."""

import io
import shutil
import signal
import sys

import numpy as np
import pytest
import soundfile
from apply.printed import count_passes, rows
from inference.model_files import RATE, write_model
from inference.recognisers import STEP, spoken, write_recogniser

from asda.cli import main
from asda.inference.transcriber import Transcriber

SAID = {"a": ["low", "high"], "b": ["mid"], "long": ["low", "mid", "high"] * 6}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("made")
    write_recogniser(root / "model.pt")
    (root / "talks").mkdir()
    for seed, (name, words) in enumerate(SAID.items()):
        soundfile.write(root / f"talks/{name}.wav", spoken(words, seed=seed)[0], RATE)
    return root


def transcribe(*words):
    main(["transcribe", "model.pt", *map(str, words)])


def failing(*words):
    with pytest.raises(SystemExit) as ended:
        transcribe(*words)
    return ended.value.code


def test_each_file_has_a_line_with_its_words(place, capsys):
    transcribe("talks")
    found = rows(capsys.readouterr().out)
    assert [row["file"] for row in found] == ["talks/a.wav", "talks/b.wav", "talks/long.wav"]
    for row, words in zip(found, SAID.values(), strict=True):
        assert row["text"] == " ".join(words)
        assert [w["word"] for s in row["segments"] for w in s["words"]] == words
    first = found[0]["segments"][0]["words"][0]
    assert first["start"] == pytest.approx(0.36, abs=STEP)
    assert set(first) == {"word", "start", "end", "confidence"}
    assert (found[1]["start"], found[1]["end"]) == (0, 0.96)


def test_a_long_file_does_not_depend_on_the_batch_size(place, capsys):
    for size in (1, 2, 8):
        transcribe("talks/long.wav", "--batch-size", size, "--format", "text")
    assert capsys.readouterr().out.splitlines() == [f"talks/long {' '.join(SAID['long'])}"] * 3


def test_utterances_have_times_into_their_recording(place, capsys):
    (place / "data").mkdir()
    (place / "data/wav.scp").write_text("rec talks/long.wav\n")
    (place / "data/segments").write_text("z rec 0 0.9\ny rec 0.9 2.1\n")
    transcribe("data", "--pause", 3)
    last, first = rows(capsys.readouterr().out)
    assert (first["utterance"], first["text"]) == ("z", "low")
    assert (last["utterance"], last["file"], last["text"]) == ("y", "talks/long.wav", "mid high")
    assert (last["start"], last["end"]) == (0.9, 2.1)
    (segment,) = last["segments"]
    assert segment["start"] == pytest.approx(0.96, abs=STEP)
    transcribe("data", "--format", "ctm")
    line = capsys.readouterr().out.splitlines()[0].split()
    assert line[:2] == ["y", "1"] and float(line[2]) == pytest.approx(0.06, abs=STEP)


def test_text_and_ctm_are_sorted_by_name_whatever_the_order_of_the_files(place):
    files = ["talks/long.wav", "talks/b.wav", "talks/a.wav"]
    transcribe(*files, "--out", "text", "--format", "text")
    transcribe(*files, "--out", "hyp.ctm")
    transcribe(*files, "--out", "hyp.jsonl")
    lines = (place / "text").read_text().splitlines()
    assert lines == [f"talks/{name} {' '.join(words)}" for name, words in SAID.items()]
    table = [line.split() for line in (place / "hyp.ctm").read_text().splitlines()]
    assert table == sorted(table, key=lambda fields: (fields[0], float(fields[2])))
    assert [fields[4] for fields in table] == [word for words in SAID.values() for word in words]
    assert [r["file"] for r in rows((place / "hyp.jsonl").read_text())] == files


def test_subtitles_have_a_file_for_each_recording(place, capsys):
    transcribe("talks", "--format", "srt", "--out", "subtitles", "--pause", 1)
    assert "subtitles: transcriptions of 3 files" in capsys.readouterr().out
    first = (place / "subtitles/a.srt").read_text().splitlines()
    assert (first[0], first[2:]) == ("1", ["low high", ""])
    assert first[1].startswith("00:00:00,")
    transcribe("talks/b.wav", "--out", "b.vtt")
    lines = (place / "b.vtt").read_text().splitlines()
    assert (lines[0], lines[1], lines[3]) == ("WEBVTT", "", "mid")
    (place / "subtitles/b.srt").unlink()
    transcribe("talks", "--format", "srt", "--out", "subtitles", "--pause", 1)
    assert "2 of 3 files are already done" in capsys.readouterr().err
    assert (place / "subtitles/b.srt").exists()


def test_the_longest_pause_is_settable(place, capsys):
    transcribe("talks/a.wav", "--pause", 0.1)
    transcribe("talks/a.wav", "--pause", 2)
    short, long = rows(capsys.readouterr().out)
    assert [len(row["segments"]) for row in (short, long)] == [2, 1]


def test_bad_files_are_listed_and_do_not_stop_the_rest(place, capsys):
    (place / "talks/text.wav").write_text("no audio")
    soundfile.write(place / "talks/silent.wav", np.zeros(RATE), RATE)
    assert failing("talks", "gone.wav", "--out", "hyp.jsonl") == 1
    *faults, end = capsys.readouterr().err.splitlines()
    assert sorted(faults) == [
        "gone.wav: no such file",
        "talks/silent.wav: silent: all 16000 samples are 0",
        "talks/text.wav: not audio but text",
    ]
    assert end.startswith("asda transcribe: error: 3 of 6 files could not be used: talks/")
    assert len(rows((place / "hyp.jsonl").read_text())) == 3


def test_a_second_call_computes_nothing_and_a_changed_file_again(place, capsys, monkeypatch):
    transcribe("talks", "--out", "hyp.jsonl")
    first = (place / "hyp.jsonl").read_text()
    passes = count_passes(monkeypatch)
    transcribe("talks", "--out", "hyp.jsonl")
    assert (passes, (place / "hyp.jsonl").read_text()) == ([], first)
    shutil.copy("talks/a.wav", "talks/b.wav")
    transcribe("talks", "--out", "hyp.jsonl")
    assert sum(passes) == 1
    assert rows((place / "hyp.jsonl").read_text())[1]["text"] == "low high"
    capsys.readouterr()
    transcribe("talks", "--out", "hyp.jsonl", "--method", "beam")
    assert "made with other settings or models" in capsys.readouterr().err
    assert sum(passes) > 4


def test_another_ngram_is_another_setting(place, capsys):
    for text in ("low mid\nmid high\nhigh low\n", "high low mid\nlow low\nmid mid\n"):
        (place / "text").write_text(text * 5)
        main(["ngram", "--text", "text", "--units", "units", "--out", "lm.arpa", "--order", "2"])
        transcribe("talks", "--out", "hyp.jsonl", "--method", "beam", "--lm", "lm.arpa")
        (place / "lm.arpa").unlink()
    assert "made with other settings or models" in capsys.readouterr().err


def test_a_stop_keeps_what_is_complete_and_the_same_call_continues(place, capsys, monkeypatch):
    transcription = Transcriber.transcription
    done = []

    def stop(self, *arguments):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(self)
        return transcription(self, *arguments)

    monkeypatch.setattr(Transcriber, "transcription", stop)
    ended = []
    monkeypatch.setattr("asda.cli.end_by", ended.append)
    transcribe("talks", "--out", "hyp.srt", "--format", "jsonl")
    assert ended == [signal.SIGINT]
    assert "interrupted; 2 of 3 files are done" in capsys.readouterr().err
    assert not (place / "hyp.srt").exists()
    monkeypatch.undo()
    monkeypatch.chdir(place)
    transcribe("talks", "--out", "hyp.srt", "--format", "jsonl")
    assert "2 of 3 files are already done" in capsys.readouterr().err
    assert len(rows((place / "hyp.srt").read_text())) == 3


def test_audio_is_read_from_standard_input(place, capsys, monkeypatch):
    stdin = io.TextIOWrapper(io.BytesIO((place / "talks/a.wav").read_bytes()))
    monkeypatch.setattr(sys, "stdin", stdin)
    transcribe("-")
    (row,) = rows(capsys.readouterr().out)
    assert (row["file"], row["text"]) == ("-", "low high")


def test_half_precision_recognises_the_same(place, capsys):
    transcribe("talks/a.wav", "--precision", "bf16", "--format", "trn")
    assert capsys.readouterr().out == "low high (talks/a)\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["model.pt"], "model.pt: a second model; give one model, then the audio"),
        (["--out", "hyp"], "add --format text for Kaldi's text, or srt or vtt for a folder"),
        (["--out", "talks", "--format", "ctm"], "talks: a folder"),
        (["--out", "x.srt", "--format", "table"], "a table is for the terminal"),
        (["--format", "vtt"], "--format vtt writes a file for each input; add --out FOLDER"),
        (["--pause", "0"], "a pause of 0.0 s; give a number of seconds above 0"),
        (["--lm", "lm.arpa"], "lm needs the decoding method beam"),
        (["--method", "beam", "--beam", "0"], "beam must be at least 1, not 0"),
        (["--method", "beam", "--lm", "lm.arpa"], "lm.arpa: no such file"),
        (["--out", "talks/a.wav", "--format", "jsonl"], "would replace the file that is read"),
        (["--batch-size", "0"], "--batch-size must be at least 1"),
    ],
)
def test_options_that_do_not_fit_are_refused_in_one_line(place, capsys, words, said):
    before = sorted(place.rglob("*"))
    assert failing("talks", *words) == 1
    message = capsys.readouterr().err
    assert said in message
    assert message.count("\n") == 1
    assert sorted(place.rglob("*")) == before


def test_files_of_one_name_are_refused_where_suffixes_are_lost(place, capsys):
    soundfile.write(place / "talks/a.flac", spoken(["low"])[0], RATE)
    assert failing("talks", "--format", "text") == 1
    assert "talks/a.flac and talks/a.wav would have the same name" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["finetuned", "encoder"])
def test_a_model_that_recognises_nothing_is_refused(place, capsys, kind):
    write_model(place / "model.pt", kind)
    assert failing("talks") == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert (
        "recognises no speech; train a recogniser on it: asda finetune-ctc --init model.pt" in said
    )


def test_a_recogniser_cannot_tag(place, capsys):
    with pytest.raises(SystemExit):
        main(["tag", "model.pt", "talks"])
    assert "model.pt: a recogniser has no labels; asda transcribe" in capsys.readouterr().err
