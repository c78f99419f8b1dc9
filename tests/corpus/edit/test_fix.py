import random

import pytest
from corpus.directories import keys, make, write
from hypothesis import given, settings
from hypothesis import strategies as st

from asda.corpus.edit.fix import fix
from asda.corpus.edit.validate import Checks, validate
from asda.files import InputError

TABLES = ("utt2spk", "wav.scp", "utt2label", "utt2dur")


@settings(max_examples=40, deadline=None)
@given(
    speakers=st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 5), min_size=1),
    seed=st.integers(0, 10**6),
)
def test_any_shuffled_repeated_and_stale_directory_becomes_valid(tmp_path_factory, speakers, seed):
    folder = make(tmp_path_factory.mktemp("fix") / "d", speakers)
    before = set(keys(folder / "utt2spk"))
    rng = random.Random(seed)
    for name in TABLES:
        lines = (folder / name).read_text().splitlines()
        lines += [*rng.choices(lines, k=3), "z-stale z", "broken"]
        rng.shuffle(lines)
        (folder / name).write_text("\r\n".join(lines))
    (folder / "spk2utt").unlink()
    removed = rng.choice(sorted(before))
    text = (folder / "utt2dur").read_bytes().split(b"\r\n")
    (folder / "utt2dur").write_bytes(
        b"\n".join(line for line in text if not line.startswith(removed.encode()))
    )
    labels = (folder / "utt2label").read_bytes()
    # A clip may have none of the labels, so there "broken" is an utterance.
    labels = labels.replace(b"z-stale z", b"").replace(b"broken", b"")
    (folder / "utt2label").write_bytes(labels)
    if len(before) == 1:
        with pytest.raises(InputError, match="no utterance is in every table"):
            fix(folder)
        return
    fixed = fix(folder)
    assert set(fixed.kept) == before - {removed}
    assert fixed.dropped == sorted([removed, "z-stale"])
    assert keys(folder / ".backup" / "dropped_utterances") == fixed.dropped
    report = validate(folder, Checks(feats=False, spk_sort=False))
    assert list(report.lines()) == []


def test_a_valid_directory_stays_byte_for_byte(tmp_path):
    folder = make(tmp_path / "d", {"a": 3, "b": 2})
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    fixed = fix(folder)
    assert (len(fixed.kept), fixed.dropped, fixed.notes) == (5, [], [])
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_clips_without_labels_stay(tmp_path):
    folder = make(tmp_path / "d", {"a": 3, "b": 2})
    label = (folder / "utt2label").read_text().splitlines()[1].split(maxsplit=1)[1]
    text = (folder / "utt2label").read_text().replace(f"a-01 {label}\n", "a-01\n")
    (folder / "utt2label").write_text(text)
    assert (fix(folder).dropped, (folder / "utt2label").read_text()) == ([], text)
    assert validate(folder, Checks(feats=False)).count == 0


def test_utterances_without_length_go(tmp_path):
    """What says that there is no audio would be refused by validate_data_dir.sh afterwards."""
    folder = make(tmp_path / "d", {"a": 3, "b": 2})
    durations = (folder / "utt2dur").read_text()
    (folder / "utt2dur").write_text(durations.replace("a-01 2.5", "a-01 0"))
    counts = "a-00 0\na-01 9\na-02 9\nb-00 9\nb-01 9.5\n"
    (folder / "utt2num_frames").write_text(counts)
    fixed = fix(folder)
    assert fixed.kept == ["a-02", "b-00"]
    assert (
        f"{folder}/utt2dur:2: dropped 'a-01': expected a positive number, found '0'" in fixed.notes
    )
    assert validate(folder, Checks(feats=False)).count == 0


def test_recordings_without_length_go(tmp_path):
    folder = write(
        tmp_path / "d",
        utt2spk="a a\nb b\nc c\n",
        segments="a r1 0 1\nb r2 1 1\nc r3 0 1\n",
        wav_scp="r1 cat x |\nr2 cat y |\nr3 cat z |\n",
        reco2dur="r1 2\nr2 2\nr3 0\n",
    )
    assert fix(folder).kept == ["a"]
    assert validate(folder, Checks(feats=False, text=False)).count == 0


def test_segments_recordings_and_weights_are_intersected(tmp_path):
    folder = write(
        tmp_path / "d",
        utt2spk="a a\nb b\nc c\n",
        segments="a r1 0 1\nb r2 0 1\nc r1 1 2\n",
        wav_scp="r1 x.wav\nr3 z.wav\n",
        reco2dur="r1 2\nr2 2\nr3 2\n",
        utt2weight="a 1\nb 1\nc 2\n",
        utt2fold="a 1\nb 2\n",
    )
    fixed = fix(folder)
    assert fixed.kept == ["a", "c"]
    assert keys(folder / "wav.scp") == keys(folder / "reco2dur") == ["r1"]
    assert keys(folder / "utt2weight") == keys(folder / "segments") == ["a", "c"]
    assert keys(folder / "utt2fold") == ["a"]  # a table known only by its name may be partial
    assert (folder / "spk2utt").read_text() == "a a\nc c\n"


def test_speakers_missing_from_a_speaker_table_go(tmp_path):
    folder = make(tmp_path / "d", {"a": 2, "b": 2})
    write(folder, spk2gender="b m\n")
    assert fix(folder).kept == ["b-00", "b-01"]


def test_differing_lines_of_one_key_are_noted(tmp_path):
    folder = write(tmp_path / "d", utt2spk="a a\n", wav_scp="a x.wav\na y.wav\n")
    fixed = fix(folder)
    assert (folder / "wav.scp").read_text() == "a x.wav\n"
    assert fixed.notes == [f"{folder}/wav.scp:2: dropped 'a y.wav': 'a' is in an earlier line"]
    assert (folder / ".backup" / "wav.scp").read_text() == "a x.wav\na y.wav\n"


def test_without_utt2spk_each_utterance_is_its_speaker(tmp_path):
    folder = write(tmp_path / "d", wav_scp="b y.wav\na x.wav\n")
    fix(folder)
    assert (folder / "utt2spk").read_text() == (folder / "spk2utt").read_text() == "a a\nb b\n"


def test_nothing_left_is_an_error_that_changes_nothing(tmp_path):
    folder = write(tmp_path / "d", utt2spk="b b\na a\n", wav_scp="x x.wav\n")
    with pytest.raises(InputError, match=r"utt2spk has 2 from 'a', wav\.scp has 1 from 'x'"):
        fix(folder)
    assert (folder / "utt2spk").read_text() == "b b\na a\n"


def test_extra_tables_must_be_complete(tmp_path):
    folder = write(tmp_path / "d", wav_scp="a x.wav\nb y.wav\n", ages="b 3\n")
    assert fix(folder).kept == ["a", "b"]
    assert fix(folder, {"ages": "utterance"}).kept == ["b"]
