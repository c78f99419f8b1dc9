"""`asda tag`: labels of files, folders and data directories in one call."""

import csv
import io
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile
from apply.classifiers import LABELS, write_classifier, write_sounds
from apply.printed import count_passes, rows
from inference.model_files import write_model

import asda
from asda.apply import label_rows
from asda.cli import main


def tag(*words):
    main(["tag", "model.pt", *map(str, words)])


def failing(*words):
    with pytest.raises(SystemExit) as ended:
        tag(*words)
    return ended.value.code


def test_each_file_has_a_line_with_its_best_labels(place, capsys):
    tag("sounds", "--top", 2)
    found = rows(capsys.readouterr().out)
    assert [row["file"] for row in found] == ["sounds/0.wav", "sounds/1.wav", "sounds/2.wav"]
    assert [(row["start"], row["end"]) for row in found] == [(0, 1), (0, 0.5), (0, 3.3)]
    model = asda.load("model.pt")
    for row in found:
        expected = model.tag(row["file"], top=2)
        assert [one["label"] for one in row["labels"]] == [one.label for one in expected]
        for one, other in zip(row["labels"], expected, strict=True):
            assert one["index"] == LABELS.index(one["label"])
            assert one["score"] == pytest.approx(other.score, abs=1e-5)


def test_data_directories_give_utterances_and_times_within_their_recordings(place, capsys):
    (place / "data").mkdir()
    (place / "data/wav.scp").write_text("rec sounds/2.wav\n")
    (place / "data/segments").write_text("utt rec 0.5 1.75\n")
    tag("data")
    (row,) = rows(capsys.readouterr().out)
    assert (row["utterance"], row["file"]) == ("utt", "sounds/2.wav")
    assert (row["start"], row["end"]) == (0.5, 1.75)


def test_windows_are_labelled_one_by_one(place, capsys):
    tag("sounds/2.wav", "--window", 1, "--hop", 0.5)
    found = rows(capsys.readouterr().out)
    assert [row["start"] for row in found[:3]] == [0, 0.5, 1.0]
    assert found[-1]["end"] == 3.3
    expected = asda.load("model.pt").tag(("sounds/2.wav", 0.5, 1.5))
    assert found[1]["labels"][0]["label"] == expected[0].label


def test_windows_with_thresholds_become_segments(place, capsys):
    tag("sounds/2.wav", "--window", 1, "--threshold", 0)
    found = rows(capsys.readouterr().out)
    assert [(row["start"], row["end"], row["labels"][0]["label"]) for row in found] == [
        (0, 3.3, label) for label in LABELS
    ]
    (place / "limits.tsv").write_text("label\tthreshold\nbell\t1\ncat\t1\ndog\t0\n")
    tag("sounds/2.wav", "--window", 1, "--threshold", "limits.tsv")
    assert [row["labels"][0]["label"] for row in rows(capsys.readouterr().out)] == ["dog"]


def test_thresholds_leave_out_labels_of_clips(place, capsys):
    tag("sounds", "--threshold", 0.6)
    for row in rows(capsys.readouterr().out):
        assert len(row["labels"]) <= 1
        assert all(one["score"] >= 0.6 for one in row["labels"])


def test_classifiers_over_one_encoder_share_its_pass(place, capsys, monkeypatch):
    write_classifier(place / "other.pt", ["low", "high"], seed=7, output="sigmoid")
    for name in ("model.pt", "other.pt"):
        main(["tag", name, "sounds/0.wav"])
    alone = rows(capsys.readouterr().out)
    passes = count_passes(monkeypatch)
    tag("sounds/0.wav", "--also", "other.pt")
    together = rows(capsys.readouterr().out)
    assert passes == [1]
    assert [row["model"] for row in together] == [row["model"] for row in alone]
    for one, other in zip(together, alone, strict=True):
        assert [x["label"] for x in one["labels"]] == [x["label"] for x in other["labels"]]
        assert [x["score"] for x in one["labels"]] == pytest.approx(
            [x["score"] for x in other["labels"]], abs=1e-6
        )


def test_other_encoders_have_a_pass_of_their_own(place, capsys, monkeypatch):
    write_classifier(place / "other.pt", encoder_shift=0.1)
    passes = count_passes(monkeypatch)
    tag("sounds/0.wav", "sounds/1.wav", "--also", "other.pt")
    found = rows(capsys.readouterr().out)
    assert passes == [2, 2]
    assert [row["file"] for row in found] == ["sounds/0.wav"] * 2 + ["sounds/1.wav"] * 2
    assert found[0]["labels"] != found[1]["labels"]


def test_an_encoder_is_refused_and_the_way_to_a_classifier_shown(place, capsys):
    write_model(place / "model.pt", "encoder")
    assert failing("sounds") == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "asda finetune --init model.pt" in said


def test_bad_files_are_listed_and_do_not_stop_the_rest(place, capsys):
    (place / "sounds/text.wav").write_text("no audio")
    (place / "sounds/empty.flac").write_bytes(b"")
    soundfile.write(place / "sounds/silent.wav", np.zeros(16000), 16000)
    assert failing("sounds", "gone.wav") == 1
    said = capsys.readouterr()
    assert len(rows(said.out)) == 3
    *faults, end = said.err.splitlines()
    assert sorted(faults) == [
        "gone.wav: no such file",
        "sounds/empty.flac: empty file",
        "sounds/silent.wav: silent: all 16000 samples are 0",
        "sounds/text.wav: not audio but text",
    ]
    assert end.startswith("asda tag: error: 4 of 7 files could not be used: sounds/")


def test_names_that_are_not_utf8_are_bad_files_and_odd_ones_stay_on_one_line(place, capsys):
    for name in (b"sounds/\xff.wav", b"sounds/new\nline.wav"):
        (place / os.fsdecode(name)).write_text("no audio")
    assert failing("sounds", "--out", "tags.jsonl") == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3
    assert said[0] == "sounds/new\\nline.wav: not audio but text"
    assert said[1].startswith("sounds/\\udcff.wav: name is not UTF-8")
    assert len(rows((place / "tags.jsonl").read_text())) == 3


def test_a_second_call_computes_nothing_and_a_changed_file_again(place, capsys, monkeypatch):
    tag("sounds", "--out", "labels.jsonl")
    first = (place / "labels.jsonl").read_text()
    passes = count_passes(monkeypatch)
    tag("sounds", "--out", "labels.jsonl")
    assert (passes, (place / "labels.jsonl").read_text()) == ([], first)
    assert "3 of 3 files are already done" in capsys.readouterr().err
    shutil.copy("sounds/2.wav", "sounds/0.wav")
    shutil.copy("sounds/2.wav", "sounds/9.wav")
    tag("sounds", "--out", "labels.jsonl")
    assert sum(passes) == 4  # two files of two windows
    changed = rows((place / "labels.jsonl").read_text())
    assert [row["end"] for row in changed] == [3.3, 0.5, 3.3, 3.3]


@pytest.mark.parametrize("change", [["--top", "1"], ["--window", "1"], "model"])
def test_other_settings_or_another_model_are_computed_anew(place, capsys, monkeypatch, change):
    tag("sounds", "--out", "labels.csv")
    if change == "model":
        write_classifier(place / "model.pt", seed=5)
        change = []
    passes = count_passes(monkeypatch)
    tag("sounds", "--out", "labels.csv", *change)
    assert sum(passes) >= 4
    assert "made with other settings or models" in capsys.readouterr().err


def test_files_that_failed_are_tried_again_and_the_output_holds_the_others(place, capsys):
    (place / "sounds/1.wav").rename(place / "kept.wav")
    (place / "sounds/1.wav").write_text("x")
    assert failing("sounds", "--out", "labels.csv") == 1
    table = list(csv.DictReader(io.StringIO((place / "labels.csv").read_text())))
    assert {row["file"] for row in table} == {"sounds/0.wav", "sounds/2.wav"}
    (place / "kept.wav").replace(place / "sounds/1.wav")
    tag("sounds", "--out", "labels.csv")
    table = list(csv.DictReader(io.StringIO((place / "labels.csv").read_text())))
    assert list(dict.fromkeys(row["file"] for row in table))[1] == "sounds/1.wav"


def test_label_files_for_audacity_and_raven_mirror_the_folder(place, capsys):
    (place / "sounds/deep").mkdir()
    shutil.copy("sounds/0.wav", "sounds/deep/0.wav")
    tag("sounds", "--format", "audacity", "--out", "labels", "--top", 1)
    tag("sounds", "--format", "raven", "--out", "labels", "--top", 1)
    assert (place / "labels/deep/0.txt").read_text().startswith("0.000000\t1.000000\t")
    assert len((place / "labels/2.selections.txt").read_text().splitlines()) == 2
    (place / "labels/0.txt").unlink()
    tag("sounds", "--format", "audacity", "--out", "labels", "--top", 1)
    assert (place / "labels/0.txt").exists()
    assert "3 of 4 files are already done" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("form", "name"), [("audacity", "one.txt"), ("raven", "one.selections.txt")]
)
def test_labels_of_a_single_recording_may_have_a_file(place, form, name):
    tag("sounds/0.wav", "--format", form, "--out", name)
    assert (place / name).is_file()


def test_two_inputs_with_one_label_file_are_refused(place, capsys):
    shutil.copytree("sounds", "more")
    assert failing("sounds/0.wav", "more/0.wav", "--format", "raven", "--out", "labels") == 1
    assert "labels of sounds/0.wav and more/0.wav" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--hop", "1"], "--hop has no effect without --window"),
        (["--threshold", "2"], "a score lies between 0 and 1"),
        (["--window", "1", "--threshold", "0.5", "--top", "3"], "--top has no effect on segments"),
        (["--window", "60"], "do not fit this model, which takes"),
        (["--out", "labels"], "add --format audacity or raven"),
        (["--out", "sounds", "--format", "csv"], "sounds: a folder"),
        (["--out", "x.csv", "--format", "table"], "a table is for the terminal"),
        (["--format", "raven"], "add --out FOLDER"),
        (["--out", "sounds/0.wav", "--format", "jsonl"], "would replace the file that is read"),
        (["--top", "-1"], "--top must be at least 0"),
        (["--device", "abacus"], "no device 'abacus'"),
    ],
)
def test_options_that_do_not_fit_are_refused_in_one_line(place, capsys, words, said):
    before = sorted(place.rglob("*"))
    assert failing("sounds", *words) == 1
    message = capsys.readouterr().err
    assert said in message
    assert message.count("\n") == 1
    assert sorted(place.rglob("*")) == before


def test_thresholds_of_other_labels_are_refused(place, capsys):
    (place / "limits.tsv").write_text("label\tthreshold\nbird\t0.5\n")
    assert failing("sounds", "--threshold", "limits.tsv") == 1
    assert "the model does not know 'bird'" in capsys.readouterr().err


def test_half_precision_changes_scores_little(place, capsys):
    tag("sounds/0.wav", "--precision", "bf16", "--top", 0)
    tag("sounds/0.wav", "--top", 0)
    half, full = rows(capsys.readouterr().out)
    for one, other in zip(half["labels"], full["labels"], strict=True):
        assert one["score"] == pytest.approx(other["score"], abs=0.05)


def test_a_stop_keeps_what_is_complete_and_the_same_call_continues(place, capsys, monkeypatch):
    write_sounds(place / "sounds", [0.5] * 5)
    add = label_rows._Clip.finish
    done = []

    def stop(self):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(self)
        return add(self)

    monkeypatch.setattr(label_rows._Clip, "finish", stop)
    ended = []
    monkeypatch.setattr("asda.cli.end_by", ended.append)
    tag("sounds", "--out", "labels.jsonl")
    assert ended == [signal.SIGINT]
    assert "interrupted; 2 of 5 files are done" in capsys.readouterr().err
    assert not (place / "labels.jsonl").exists()
    monkeypatch.undo()
    monkeypatch.chdir(place)
    tag("sounds", "--out", "labels.jsonl")
    assert "2 of 5 files are already done" in capsys.readouterr().err
    assert len(rows((place / "labels.jsonl").read_text())) == 5


def started(*words, **options):
    command = [sys.executable, "-m", "asda", "tag", "model.pt", *words]
    return subprocess.Popen(command, text=True, stderr=subprocess.PIPE, **options)


@pytest.mark.slow
def test_a_reader_that_stops_ends_the_call_quietly(place):
    call = started("sounds", stdout=subprocess.PIPE)
    call.stdout.close()
    assert call.stderr.read() == ""
    assert call.wait() == -signal.SIGPIPE


@pytest.mark.slow
def test_audio_is_read_from_standard_input(place):
    with open("sounds/0.wav", "rb") as audio:
        call = started("-", stdin=audio, stdout=subprocess.PIPE)
        (row,) = rows(call.stdout.read())
    assert (row["file"], row["end"]) == ("-", 1.0)
    assert (call.stderr.read(), call.wait()) == ("", 0)


@pytest.mark.slow
def test_nothing_on_standard_input_is_one_line(place):
    call = started("-", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert call.stdout.read() == ""
    first, _ = call.stderr.read().splitlines()
    assert first == "standard input: empty file"
    assert call.wait() == 1


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/dev/full is Linux's")
def test_a_full_disk_is_one_line(place, monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # as for most users
    with open("/dev/full", "w") as full:
        call = started("sounds", stdout=full)
        said = call.stderr.read()
    assert call.wait() == 1
    assert said == "asda tag: error: No space left on device; free some space and repeat the call\n"


@pytest.mark.slow
def test_a_killed_call_continues(place):
    write_sounds(place / "sounds", [4.0] * 40)
    call = started("sounds", "--out", "labels.jsonl", "--batch-size", "1")
    record = place / "labels.jsonl.done"
    while not (record.exists() and record.read_bytes().count(b"\n") > 3):
        assert call.poll() is None
        time.sleep(0.01)
    call.kill()
    call.wait()
    done = record.read_bytes().count(b"\n") - 1
    call = started("sounds", "--out", "labels.jsonl", stdout=subprocess.DEVNULL)
    assert f"{done} of 40 files are already done" in call.stderr.read()
    assert call.wait() == 0
    assert len(rows((place / "labels.jsonl").read_text())) == 40


@pytest.mark.slow
def test_the_first_result_does_not_wait_for_the_compiler_of_pytorch(place):
    code = (
        "import sys; from asda.cli import main; main(['tag', 'model.pt', 'sounds/0.wav']);"
        "print([m for m in ('torch._dynamo', 'sympy', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
