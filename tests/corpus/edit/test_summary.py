"""asda data summary: what it says of small corpora."""

import shutil

import numpy as np
import pytest
import soundfile
from corpus.directories import lines, write

from asda.cli import main
from asda.corpus.edit import identical_audio, summary
from asda.corpus.edit.audio_headers import audio_header
from asda.features.fbank_config import FbankConfig


def sound(path, seconds, rate=16000, channels=1, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(len(path.name)).uniform(
        -0.3, 0.3, (round(seconds * rate), channels)
    )
    soundfile.write(path, samples, rate, **options)
    return path


def directory(folder, clips, classes, **files):
    """Write a data directory for utterance -> (path, labels)."""
    names = {name: name for name in clips}
    return write(
        folder,
        utt2spk=lines(names),
        spk2utt=lines(names),
        wav_scp=lines({name: str(path) for name, (path, _) in clips.items()}),
        utt2label=lines({name: labels for name, (_, labels) in clips.items()}),
        labels_txt="".join(f"{name}\n" for name in classes),
        **files,
    )


def said(capsys, *folders, options=()):
    main(["data", "summary", *options, *map(str, folders)])
    return capsys.readouterr().out.splitlines()


@pytest.fixture
def corpus(tmp_path):
    """Three training and two test clips; b and x are equal, and one is damaged."""
    audio = tmp_path / "audio"
    a = sound(audio / "a.wav", 1.5, rate=8000)
    b = sound(audio / "b.flac", 36.0, channels=2)
    c = sound(audio / "c.ogg", 90.0, rate=8000)
    x = shutil.copy(b, audio / "x.flac")
    (audio / "y.wav").write_bytes(b"no audio")
    train = directory(
        tmp_path / "data/train",
        {"a": (a, "cat"), "b": (b, "cat dog"), "c": (c, "dog")},
        ["cat", "cow", "dog"],
    )
    test = directory(
        tmp_path / "data/test",
        {"x": (x, "dog"), "y": (audio / "y.wav", "cow")},
        ["cat", "cow", "dog"],
    )
    return train, test


def test_one_screen(corpus, capsys):
    shown = said(capsys, *corpus)
    assert shown == [
        "set    clips  hours  shortest   median  longest",
        "train      3   0.04    1.50 s  36.00 s  1.5 min",  # 127.5 s
        "test       2   0.01   36.00 s  36.00 s  36.00 s",
        "sample rates  16 kHz 50 %, 8 kHz 50 %",
        "channels      1 50 %, 2 50 %",
        "formats       flac 50 %, ogg 25 %, wav 25 %",
        "",
        "class  train  test",
        "dog        2     1",
        "cat        2     0",
        "cow        0     1",
        "3 classes; 1 clip with several labels",
        "1 class without clips in train: cow",
        "1 class without clips in test: cat",
        "1 clip with unreadable audio: y",
        "50 % of the clips have a lower sample rate than the features (16 kHz); of their",
        "  128 mel bins the upper ones are empty: 30 at 8 kHz",
        "warning: identical audio in several sets: 2 clips in 1 group, for example",
        "  train/b = test/x",
        "warning: identical audio with different labels: 2 clips in 1 group, for example",
        "  train/b = test/x",
    ]
    assert max(map(len, shown)) <= 80


def test_the_features_decide_what_is_missing(corpus, capsys, tmp_path):
    """At 8 kHz nothing is, and at 32 kHz all clips lack something."""
    for rate, text in ((8000, ""), (32000, "100 % of the clips have a lower sample rate")):
        (tmp_path / "fbank.yaml").write_text(f"sample_rate: {rate}\nnum_mel_bins: 64\n")
        shown = said(capsys, *corpus, options=["--fbank-config", str(tmp_path / "fbank.yaml")])
        found = [line for line in shown if "lower sample rate" in line]
        assert [line.startswith(text) for line in found] == [True] * bool(text)


@pytest.mark.parametrize(
    ("frequency", "settings", "above"),
    [(4000, {}, 30), (8000, {}, 0), (0, {}, 128), (4000, {"num_mel_bins": 64}, 15)],
)
def test_filters_above(frequency, settings, above):
    """As the filters themselves have it: all their weights are at or above the frequency."""
    from asda.features.fbank import mel_filters

    config = FbankConfig(**settings)
    padded = 1 << 14
    weights = mel_filters(config, padded).numpy()
    lines_below = int(frequency * padded / config.sample_rate)
    counted = int((weights[:, :lines_below].sum(axis=1) == 0).sum())
    assert config.filters_above(frequency) == counted == above


def test_many_classes_are_cut(tmp_path, capsys):
    path = sound(tmp_path / "a.wav", 1)
    classes = [f"class_{n:03d}" for n in range(527)]
    clips = {f"u{n:04d}": (path, f"{classes[n % 520]} {classes[n % 7]}") for n in range(2000)}
    folder = directory(tmp_path / "data/train", clips, classes)
    shown = said(capsys, folder)
    assert len(shown) <= 22
    table = [" ".join(line.split()) for line in shown]
    assert table[7:9] == ["class_000 289", "class_001 289"]  # 285 or 286 and 3 or 4
    assert "... 510 classes ..." in table
    assert "7 classes without clips in train: class_520, class_521, class_522, and 4 more" in table


def test_sets_that_lie_apart_are_named_by_their_ends(tmp_path, capsys):
    path = sound(tmp_path / "a.wav", 1)
    folds = [
        directory(tmp_path / f"data/fold{n}/test", {f"u{n}": (path, "cat")}, ["cat"])
        for n in range(1, 9)
    ]
    shown = said(capsys, *folds, folds[0])
    assert [line.split()[0] for line in shown[1:9]] == [f"fold{n}/test" for n in range(1, 9)]
    assert "cat        8" in shown
    assert any(
        line.startswith("warning: identical audio in several sets: 8 clips in 1") for line in shown
    )


def test_segments_are_equal_by_their_times(tmp_path, capsys):
    """Of the same recording, or of two files with the same bytes."""
    one = sound(tmp_path / "one.wav", 4)
    two = shutil.copy(one, tmp_path / "two.wav")
    folder = directory(
        tmp_path / "data/all",
        dict.fromkeys(("r", "s"), (one, "cat")),
        ["cat"],
    )
    write(
        folder,
        wav_scp=f"r {one}\ns {two}\n",
        segments="a r 0 1\nb r 1 2\nc s 1 2\nd s 2 -1\n",
        utt2label=lines(dict.fromkeys("abcd", "cat")),
    )
    shown = said(capsys, folder)
    assert shown[1].split() == ["all", "4", "0.00", *["1.00", "s", "1.00", "s", "2.00", "s"]]
    assert " ".join(shown[-2:]).replace("   ", " ") == (
        "identical audio within a set and class: 2 clips in 1 group, for example all/b = all/c"
    )


def test_files_of_one_size_are_told_apart(tmp_path):
    from asda.audio.wav_scp import AudioSegment

    contents = {
        "a": b"x" * 9000,
        "b": b"x" * 9000,
        "c": b"y" + b"x" * 8999,
        "d": b"x" * 9001,
        "e": b"",
    }
    for name, content in (contents | {"f": b""}).items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "g").symlink_to(tmp_path / "d")
    clips = {name: AudioSegment(str(tmp_path / name)) for name in "abcdefgh"}
    clips |= {name: AudioSegment("cat x |") for name in "ij"}
    assert identical_audio.identical_audio(clips, 60) == [["a", "b"], ["d", "g"], ["i", "j"]]


def test_time_is_limited_and_said(corpus, capsys, monkeypatch):
    monkeypatch.setattr(summary, "LIMIT", -1.0)
    shown = " ".join(said(capsys, *corpus))
    assert "only 0 of 5 headers, chosen at random, were read" in shown
    assert "identical audio: not searched for" in shown


def test_commands_are_not_run(tmp_path, capsys):
    folder = directory(tmp_path / "d", {"a": (f"touch {tmp_path}/ran; cat |", "cat")}, ["cat"])
    shown = said(capsys, folder)
    assert "1 command in wav.scp, which this summary does not run" in shown
    assert not (tmp_path / "ran").exists()


def test_a_directory_of_features_alone(tmp_path, capsys):
    folder = write(tmp_path / "d", utt2spk="a a\n", feats_scp="a x.ark:1\n", utt2label="a cat\n")
    assert said(capsys, folder)[:2] == [
        "set  clips  hours  shortest  median  longest",
        "d        1      -         -       -        -",
    ]


@pytest.mark.parametrize(
    ("name", "options", "form"),
    [
        ("a.wav", {}, "wav"),
        ("a.wav", {"subtype": "ALAW"}, "wav/alaw"),
        ("a.wav", {"format": "WAVEX"}, "wav"),
        ("a.mp3", {}, "mp3"),
        ("a.aiff", {}, "aiff"),
    ],
)
def test_headers(tmp_path, name, options, form):
    path = sound(tmp_path / name, 2, rate=22050, channels=2, **options)
    header = audio_header(str(path))
    assert header[1:] == (22050, 2, form)
    assert header.seconds == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("name", ["a.raw", "a.wav", "none.wav", "a.ark:12", "a.h5@16000:1", "."])
def test_one_bad_file_is_a_clip_that_cannot_be_read(tmp_path, capsys, name):
    for file in ("a.raw", "a.wav", "a.ark", "a.h5"):
        (tmp_path / file).write_bytes(b"no audio at all")
    good = sound(tmp_path / "good.wav", 1)
    clips = {"bad": (f"{tmp_path}/{name}", "cat"), "good": (good, "cat")}
    shown = said(capsys, directory(tmp_path / "d", clips, ["cat"]))
    assert shown[1] == "d        2   0.00    1.00 s  1.00 s   1.00 s"
    assert "1 clip with unreadable audio: bad" in shown


@pytest.mark.skipif(not shutil.which("ffprobe"), reason="needs ffprobe")
def test_headers_that_ffmpeg_reads(tmp_path):
    import subprocess

    source = sound(tmp_path / "a.wav", 2, rate=8000)
    command = ["ffmpeg", "-v", "error", "-i", source, tmp_path / "a.m4a"]
    subprocess.run(command, check=True)
    header = audio_header(str(tmp_path / "a.m4a"))
    assert header[1:] == (8000, 1, "m4a")
    assert header.seconds == pytest.approx(2, abs=0.2)
