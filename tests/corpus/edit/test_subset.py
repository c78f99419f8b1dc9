import os

import pytest
from corpus.directories import keys, lines, make, write
from hypothesis import given, settings
from hypothesis import strategies as st

from asda.cli import main
from asda.corpus.datadir import DataDir
from asda.corpus.edit.subset import choose, read_selection, split, write_parts
from asda.corpus.edit.validate import Checks, validate
from asda.files import InputError

speakers = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 6), min_size=1)


def is_valid(folder) -> bool:
    return validate(folder, Checks(feats=False)).count == 0


@settings(max_examples=25, deadline=None)
@given(speakers=speakers, data=st.data())
def test_subsets_have_the_number_asked_for_and_are_valid(tmp_path_factory, speakers, data):
    top = tmp_path_factory.mktemp("subset")
    source = DataDir(make(top / "d", speakers))
    total = len(source.utterances)
    count = data.draw(st.integers(1, total))
    how = data.draw(st.sampled_from(["evenly", "first", "last", "shortest"]))
    chosen = choose(source, how, count)
    write_parts(source, {top / "part": chosen})
    assert len(set(chosen)) == count
    assert keys(top / "part" / "utt2label") == sorted(chosen)
    assert is_valid(top / "part")


def test_first_last_and_shortest(tmp_path):
    source = DataDir(make(tmp_path / "d", {"a": 4}))
    assert choose(source, "first", 2) == ["a-00", "a-01"]
    assert choose(source, "last", 2) == ["a-02", "a-03"]
    assert choose(source, "shortest", 2) == ["a-00", "a-03"]  # 1.5 s each, the others longer
    for count in (0, 5):
        with pytest.raises(InputError, match=f"cannot choose {count} of its 4 utterances"):
            choose(source, "first", count)


def test_shortest_by_frames_without_durations(tmp_path):
    folder = make(tmp_path / "d", {"a": 3})
    (folder / "utt2dur").unlink()
    write(folder, utt2num_frames="a-00 30\na-01 10\na-02 20\n")
    assert choose(DataDir(folder), "shortest", 2) == ["a-01", "a-02"]


def test_per_label(tmp_path):
    folder = make(tmp_path / "d", {"a": 5, "b": 1})
    write(folder, utt2label="a-00 rain\na-01 dog\na-02 rain\na-03 dog\na-04 rain\nb-00 cat\n")
    chosen = ["a-00", "a-01", "a-02", "a-03", "b-00"]
    assert choose(DataDir(folder), "per-label", 2) == chosen
    assert len(choose(DataDir(folder), "per-label", 9)) == 6
    (folder / "utt2label").unlink()
    with pytest.raises(InputError, match="utt2label"):
        choose(DataDir(folder), "per-label", 2)


def test_per_speaker_and_whole_speakers(tmp_path):
    source = DataDir(make(tmp_path / "d", {"a": 5, "b": 1, "c": 4}))
    assert choose(source, "per-spk", 2) == ["a-00", "a-02", "b-00", "c-00", "c-02"]
    chosen = choose(source, "speakers", 3)
    assert len(chosen) >= 3
    assert {utt for utt in source.utterances if utt[0] in {u[0] for u in chosen}} == set(chosen)


def test_lists_of_utterances_and_speakers(tmp_path):
    source = DataDir(make(tmp_path / "d", {"a": 2, "b": 2}))
    path = tmp_path / "list"
    path.write_text("b-01 and more\nz\n\na-00\n")
    assert read_selection(source, path, by_speaker=False) == (["a-00", "b-01"], ["z"])
    path.write_text("b\nz\n")
    assert read_selection(source, path, by_speaker=True) == (["b-00", "b-01"], ["z"])
    path.write_text("z\n")
    with pytest.raises(InputError, match="none of its names occurs in"):
        read_selection(source, path, by_speaker=True)


def test_a_part_has_only_its_recordings_and_speakers(tmp_path):
    folder = make(tmp_path / "d", {"a": 2, "b": 1})
    write(
        folder,
        wav_scp="r1 cat x |\nr2 cat y |\n",
        segments="a-00 r1 0 1\na-01 r1 1 2\nb-00 r2 0 1\n",
        spk2gender="a f\nb m\n",
        utt2fold="b-00 1\n",
        frame_shift="0.01\n",
    )
    part = write(tmp_path / "part", utt2weight="stale 1\n")
    write_parts(DataDir(folder), {part: ["a-01"]})
    assert is_valid(part)
    assert (part / "wav.scp").read_text() == "r1 cat x |\n"
    assert (part / "spk2gender").read_text() == "a f\n"
    assert (part / "labels.txt").read_text() == "cat\ndog\n"
    assert (part / "frame_shift").read_text() == "0.01\n"
    assert not (part / "utt2weight").exists()
    assert not (part / "utt2fold").exists()


def test_source_and_destination_must_differ(tmp_path):
    folder = make(tmp_path / "d", {"a": 2})
    with pytest.raises(InputError, match="same directory"):
        write_parts(DataDir(folder), {folder: ["a-00"]})
    assert is_valid(folder)


@settings(max_examples=15, deadline=None)
@given(speakers=speakers, per_utterance=st.booleans(), data=st.data())
def test_a_split_is_a_partition(tmp_path_factory, speakers, per_utterance, data):
    source = DataDir(make(tmp_path_factory.mktemp("split") / "d", speakers))
    most = len(source.utterances) if per_utterance else len(speakers)
    count = data.draw(st.integers(1, most))
    folder, made = split(source, count, per_utterance)
    assert made
    assert folder.name == f"split{count}utt" if per_utterance else f"split{count}"
    jobs = [folder / str(job) for job in range(1, count + 1)]
    assert sorted(path.name for path in folder.iterdir()) == sorted(job.name for job in jobs)
    for name in ("utt2spk", "wav.scp", "utt2label", "utt2dur"):
        assert [key for job in jobs for key in keys(job / name)] == source.utterances
    assert all(map(is_valid, jobs))
    if not per_utterance:
        assert sum(len(keys(job / "spk2utt")) for job in jobs) == len(speakers)


def test_split_is_skipped_until_a_table_changes(tmp_path):
    folder = make(tmp_path / "d", {"a": 2, "b": 2})
    assert [split(DataDir(folder), 2, False)[1] for _ in range(2)] == [True, False]
    write(folder, utt2dur=lines(dict.fromkeys(keys(folder / "utt2spk"), "9")))
    os.utime(folder / "utt2dur", ns=(2**62, 2**62))
    split_folder, made = split(DataDir(folder), 2, False)
    assert made
    assert (split_folder / "2" / "utt2dur").read_text() == "b-00 9\nb-01 9\n"
    write(folder, utt2weight=lines(dict.fromkeys(keys(folder / "utt2spk"), "1")))
    assert split(DataDir(folder), 2, False)[1]


def test_too_many_jobs(tmp_path):
    source = DataDir(make(tmp_path / "d", {"a": 3}))
    with pytest.raises(InputError, match=r"1 speakers \(split more finely with --per-utt\)"):
        split(source, 2, False)
    with pytest.raises(InputError, match="3 utterances"):
        split(source, 4, True)


def test_commands(tmp_path, capsys):
    source = str(make(tmp_path / "d", {"a": 4}))
    main(["data", "subset", "--first", source, "3", str(tmp_path / "first")])
    assert capsys.readouterr().out == f"{tmp_path}/first: 3 of 4 utterances of {source}\n"
    (tmp_path / "list").write_text("a-02\nz\n")
    main(["data", "subset", "--utt_list", f"{tmp_path}/list", source, str(tmp_path / "part")])
    assert keys(tmp_path / "part" / "utt2spk") == ["a-02"]
    assert "'z' is not in" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["data", "subset", source, str(tmp_path / "none")])
    assert "give either the number of utterances" in capsys.readouterr().err
