"""Scripts of utils/data that cut utterances, as Kaldi documents them."""

import subprocess

import numpy as np
import pytest
import soundfile
from corpus.directories import write

from asda.audio.waveform import read_audio
from asda.corpus.datadir import DataDir, read_table
from asda.features.archive import ArchiveReader
from asda.features.archive_writer import write_matrix

pytestmark = pytest.mark.slow

PARTS = "foo-2 foo 8.9 10.1\nfoo-1 foo 7.5 8.2\nbar-1 bar 0 0.5\n"
RATE = 8000


@pytest.fixture
def call(repository, tmp_path, monkeypatch):
    """Call a script of utils/data in the folder of the test."""
    monkeypatch.chdir(tmp_path)

    def script(name, *words):
        command = [repository / f"utils/data/{name}.sh", *words]
        return subprocess.run(command, capture_output=True, text=True)

    return script


@pytest.fixture
def source(tmp_path):
    """Two utterances of one speaker each in one recording, and their parts."""
    write(
        tmp_path,
        parts=PARTS,
        words="foo-2 how are you\nfoo-1 hello there\nbar-1\n",
    )
    return write(
        tmp_path / "d",
        utt2spk="bar B\nfoo A\n",
        spk2utt="A foo\nB bar\n",
        segments="bar tape 20 21\nfoo tape 3.25 14\n",
        wav_scp="other x.wav\ntape tape.wav\n",
        reco2dur="other 1\ntape 30\n",
        text="bar whole\nfoo whole\n",
        utt2label="bar dog\nfoo cat\n",
        labels_txt="cat\ndog\n",
        spk2gender="A f\nB m\n",
        utt2dur="bar 1\nfoo 10.75\n",
        utt2moments="bar 1 0 0\nfoo 1 0 0\n",
    )


def test_times_of_parts_are_added_to_those_of_their_utterance(call, source, tmp_path):
    done = call("subsegment_data_dir", "d", "parts", "words", "new")
    assert (done.returncode, done.stderr) == (0, "")
    new = DataDir(tmp_path / "new")
    assert new.table("segments") == {
        "bar-1": "tape 20.0 20.5",
        "foo-1": "tape 10.75 11.45",
        "foo-2": "tape 12.15 13.35",
    }
    assert new.table("utt2spk") == {"bar-1": "B", "foo-1": "A", "foo-2": "A"}
    assert new.table("spk2utt") == {"A": "foo-1 foo-2", "B": "bar-1"}
    assert new.table("text") == {"bar-1": "", "foo-1": "hello there", "foo-2": "how are you"}
    assert new.utt2label == {"bar-1": ["dog"], "foo-1": ["cat"], "foo-2": ["cat"]}
    assert new.table("spk2gender") == {"A": "f", "B": "m"}
    assert new.table("wav.scp") == {"tape": "tape.wav"}
    assert new.table("reco2dur") == {"tape": "30"}
    assert not new.has("utt2dur") and not new.has("utt2moments")


def test_without_segments_utterances_are_recordings_and_the_text_is_optional(
    call, source, tmp_path
):
    (source / "segments").unlink()
    write(source, wav_scp="bar b.wav\nfoo f.wav\n", reco2dur="bar 1\nfoo 10.75\n")
    done = call("subsegment_data_dir", "--segment-end-padding", "0.02", "d", "parts", "new")
    assert (done.returncode, done.stderr) == (0, "")
    new = DataDir(tmp_path / "new")
    assert new.table("segments")["foo-1"] == "foo 7.5 8.22"
    assert new.table("wav.scp") == {"bar": "b.wav", "foo": "f.wav"}
    assert not new.has("text")


@pytest.mark.parametrize(
    ("place", "first", "last"),
    [("feats.ark:4", 750, 819), ("feats.ark:4[100:1100]", 850, 919)],
)
def test_features_are_rows_of_those_of_the_utterance(call, source, tmp_path, place, first, last):
    matrix = np.arange(2 * 1200, dtype=np.float32).reshape(1200, 2)
    with open(tmp_path / "feats.ark", "wb") as stream:
        assert write_matrix(stream, "foo", matrix, "none") == 4
    write(
        source,
        feats_scp=f"bar feats.ark:4[0:97,0:1]\nfoo {place}\n",
        utt2num_frames="bar 98\nfoo 1001\n",
        frame_shift="0.01\n",
    )
    (tmp_path / "parts").write_text(f"{PARTS}bar-2 bar 0.9 1.0\nbar-3 bar 0.99 1.0\n")
    done = call("subsegment_data_dir", "--segment-end-padding", "1", "d", "parts", "new")
    assert done.returncode == 0
    assert done.stderr == ("warning: bar-3: left out: features have no frame between its times\n")
    new = DataDir(tmp_path / "new")
    assert new.table("feats.scp")["foo-1"] == f"feats.ark:4[{first}:{last}]"
    # The last frames that the times ask for are missing, since windows end with the audio.
    assert new.table("feats.scp")["bar-2"] == "feats.ark:4[90:97,0:1]"
    counts = {"bar-1": "50", "bar-2": "8", "foo-1": "70", "foo-2": "111"}
    assert new.table("utt2num_frames") == counts
    assert {*new.table("segments")} == {*counts}
    assert (tmp_path / "new/frame_shift").read_text() == "0.01\n"
    rows = ArchiveReader().read(new.table("feats.scp")["foo-1"])
    assert np.array_equal(rows, matrix[first : last + 1])


@pytest.mark.parametrize(
    ("parts", "words", "message"),
    [
        ("foo-1 foo 7.5\n", "", "parts:1: expected 'part utterance start end'"),
        ("foo-1 foo 8 8\n", "", "parts:1: 'foo-1' from 8 to 8 s: it must begin at 0 s or later"),
        ("foo-1 foo 8 -1\n", "", "parts:1: 'foo-1' from 8 to -1 s"),
        ("foo-1 no 1 2\n", "", "parts:1: no utterance 'no' for 'foo-1'; remove the line"),
        ("a foo 1 2\na foo 2 3\n", "", "parts:2: duplicate part 'a'"),
        ("a foo 1 2\n", "b hello\n", "words: 'a' has no transcript; both files need the same"),
        ("", "", "parts: empty; it needs lines"),
    ],
)
def test_bad_parts_are_named_and_nothing_is_written(call, source, tmp_path, parts, words, message):
    write(tmp_path, parts=parts, words=words)
    done = call("subsegment_data_dir", "d", "parts", *(["words"] if words else []), "new")
    assert done.returncode == 1
    assert message in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_a_directory_is_not_cut_into_itself(call, source):
    done = call("subsegment_data_dir", "d", "parts", "d")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "source and destination are the same directory" in done.stderr
    assert read_table(source / "utt2spk") == {"bar": "B", "foo": "A"}


@pytest.fixture
def tape(tmp_path, source):
    """Audio of the recording, 16 bits, with the first 21 seconds."""
    values = np.random.default_rng(0).integers(-32768, 32768, 21 * RATE, dtype=np.int16)
    soundfile.write(tmp_path / "tape.wav", values, RATE)
    return values


@pytest.mark.parametrize("value", ["tape.wav", "echo >>reads; cat tape.wav |"])
def test_extracted_audio_is_that_of_the_segments_bit_for_bit(call, source, tape, tmp_path, value):
    write(source, wav_scp=f"other x.wav\ntape {value}\n")
    done = call("extract_wav_segments_data_dir", "--nj", "2", "--cmd", "run.pl", "d", "new")
    assert (done.returncode, done.stderr) == (0, "")
    new = DataDir(tmp_path / "new")
    assert not new.has("segments") and not new.has("reco2dur")
    for name in ("utt2spk", "text", "utt2label", "spk2gender", "utt2dur", "utt2moments"):
        assert new.table(name) == DataDir(source).table(name)
    places = new.table("wav.scp")
    assert places["bar"].startswith(f"{tmp_path}/new/data/wav_segments.ark:")
    for name, (first, last) in {"foo": (3.25, 14), "bar": (20, 21)}.items():
        expected = tape[int(first * RATE) : last * RATE] / np.float32(32768)
        assert np.array_equal(read_audio(places[name], RATE), expected)
        assert np.array_equal(
            read_audio(places[name]), read_audio("tape.wav", start=first, end=last)
        )
    if value.endswith("|"):
        assert (tmp_path / "reads").read_text() == "\n"  # for both segments together


def test_segments_whose_audio_cannot_be_used_are_left_out(call, source, tape, tmp_path):
    with open(source / "segments", "a") as stream:
        stream.write("late tape 19 23\nno other 0 1\n")
    write(source, utt2spk="bar B\nfoo A\nlate A\nno A\n")
    done = call("extract_wav_segments_data_dir", "d", "new")
    assert done.returncode == 0
    assert "warning: late: left out: too short: ends at 21.00 s, its segment at 23 s" in done.stderr
    assert "warning: no: left out: no such file: x.wav" in done.stderr
    new = DataDir(tmp_path / "new")
    assert {*new.table("wav.scp")} == {*new.table("utt2spk")} == {"bar", "foo"}


def test_there_must_be_segments_to_extract(call, source, tmp_path):
    (source / "segments").unlink()
    done = call("extract_wav_segments_data_dir", "d", "new")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "d: no segments: its utterances are whole recordings already" in done.stderr
