import pytest
import soundfile
from corpus.directories import lines, make, write
from hypothesis import given
from hypothesis import strategies as st

from asda.corpus.datadir import DataDir, read_table, write_table
from asda.files import InputError

words = st.text(
    st.characters(exclude_categories=("C", "Z"), exclude_characters="\x85"), min_size=1
).filter(lambda text: len(text.split()) == 1)
tables = st.dictionaries(words, st.lists(words, min_size=1).map(" ".join), min_size=1)


@pytest.mark.slow
@given(table=tables)
def test_table_round_trip_in_the_order_of_bytes(tmp_path_factory, table):
    path = tmp_path_factory.mktemp("table") / "utt2label"
    write_table(path, table)
    assert read_table(path) == table
    written = [line.split(b" ", 1)[0] for line in path.read_bytes().split(b"\n")[:-1]]
    assert written == sorted(written)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a x\nb y\na z\n", "utt2spk:3: duplicate key 'a'"),
        ("a x\nb\n", "utt2spk:2: 'b' has no value"),
        ("a x\n\nb y\n", "utt2spk:2: empty line"),
    ],
)
def test_bad_tables_are_named_with_their_line(tmp_path, text, message):
    directory = DataDir(write(tmp_path / "d", utt2spk=text))
    with pytest.raises(InputError) as error:
        directory.table("utt2spk")
    assert str(error.value).startswith(f"{tmp_path}/d/{message}")


def test_a_clip_may_have_none_of_the_labels(tmp_path):
    tables = {"utt2label": "a x y\nb\nc x\n", "labels.txt": "x\ny\n", "utt2spk": "a a\nb b\nc c\n"}
    directory = DataDir(write(tmp_path / "d", **tables))
    assert directory.utt2label == {"a": ["x", "y"], "b": [], "c": ["x"]}
    write_table(tmp_path / "copy", directory.table("utt2label"))
    assert (tmp_path / "copy").read_text() == "a x y\nb\nc x\n"


def test_not_utf8_is_named_with_its_line(tmp_path):
    (tmp_path / "utt2spk").write_bytes(b"a x\nb \xff\n")
    with pytest.raises(InputError, match="utt2spk:2: not UTF-8"):
        DataDir(tmp_path).table("utt2spk")


def test_utterances_come_from_the_first_list_there_is(tmp_path):
    directory = write(tmp_path / "d", wav_scp="r x.wav\n", segments="b r 0 1\na r 1 2\n")
    assert DataDir(directory).utterances == ["a", "b"]
    write(directory, utt2spk="z z\n")
    assert DataDir(directory).utterances == ["z"]


def test_labels_keep_their_order_and_are_unique(tmp_path):
    assert DataDir(write(tmp_path / "d", labels_txt="dog\ncat\n")).labels == ["dog", "cat"]
    for text, line in (("dog\ncat\ndog\n", 3), ("dog\na b\n", 2), ("\n", 1)):
        with pytest.raises(InputError, match=rf"labels\.txt:{line}: "):
            _ = DataDir(write(tmp_path / "d", labels_txt=text)).labels


def test_utt2label_must_be_in_the_inventory(tmp_path):
    directory = make(tmp_path / "d", {"s": 3})
    assert DataDir(directory).utt2label == {
        "s-00": ["cat"],
        "s-01": ["dog", "cat"],
        "s-02": ["cat"],
    }
    write(directory, utt2label="s-00 cat\ns-01 cat cow\n")
    with pytest.raises(InputError, match="utt2label:2: label 'cow' of 's-01'"):
        _ = DataDir(directory).utt2label


def test_utt2label_is_not_kept(tmp_path):
    """Its lists take 600 MB for the 2 million clips of AudioSet."""
    directory = DataDir(make(tmp_path / "d", {"s": 3}))
    assert directory.utt2label
    assert "utt2label" not in vars(directory)


def test_audio_sources_with_and_without_segments(tmp_path):
    directory = write(tmp_path / "d", wav_scp="r a b.wav\n")
    assert DataDir(directory).audio_sources() == {"r": ("a b.wav", 0.0, None)}
    write(directory, segments="u1 r 0.5 2\nu2 r 2 -1\n")
    assert DataDir(directory).audio_sources() == {
        "u1": ("a b.wav", 0.5, 2.0),
        "u2": ("a b.wav", 2.0, None),
    }
    write(directory, segments="u1 r 0.5 2\nu2 q 2 -1\n")
    with pytest.raises(InputError, match="segments:2: recording 'q' is not in"):
        DataDir(directory).audio_sources()
    write(directory, segments="u1 r 0.5\n")
    with pytest.raises(InputError, match="segments:1: expected 'utterance recording start end'"):
        DataDir(directory).audio_sources()


def test_durations_of_utt2dur_and_of_segments(tmp_path):
    directory = write(tmp_path / "d", wav_scp="r a.wav\n", segments="u r 0.5 2\n")
    assert DataDir(directory).durations() == {"u": 1.5}
    write(directory, utt2dur=lines({"u": "7.25"}))
    assert DataDir(directory).durations() == {"u": 7.25}
    write(directory, utt2dur="u x\n")
    with pytest.raises(InputError, match="utt2dur:1: not a number: 'x'"):
        DataDir(directory).durations()


def test_durations_of_audio_headers(tmp_path):
    soundfile.write(tmp_path / "a.wav", [0.0] * 8000, 16000)
    wav = tmp_path / "a.wav"
    directory = write(tmp_path / "d", wav_scp=f"r {wav}\n", segments="u r 0.125 -1\nv r 0 -1\n")
    assert DataDir(directory).durations() == {"u": 0.375, "v": 0.5}
    write(directory, wav_scp="r missing.wav\n")
    with pytest.raises(InputError, match=r"wav\.scp.*missing\.wav"):
        DataDir(directory).durations()
