import numpy as np
import pytest
import soundfile
from corpus.directories import keys, make, write
from dataset.directories import random_features, with_features

from asda.cli import main
from asda.corpus.datadir import DataDir
from asda.corpus.edit.combine import combine, copy
from asda.corpus.edit.durations import write_durations
from asda.corpus.edit.validate import Checks, validate
from asda.files import InputError


def is_valid(folder) -> bool:
    return validate(folder, Checks(feats=False, text=False)).count == 0


@pytest.fixture
def sources(tmp_path):
    return [DataDir(make(tmp_path / name, {name: 2})) for name in "ba"]


def test_all_lines_of_all_sources(tmp_path, sources):
    destination = write(tmp_path / "all", utt2weight="stale 1\n")
    assert combine(destination, sources) == []
    assert is_valid(destination)
    assert keys(destination / "utt2label") == ["a-00", "a-01", "b-00", "b-01"]
    assert (destination / "spk2utt").read_text() == "a a-00 a-01\nb b-00 b-01\n"
    assert (destination / "labels.txt").read_text() == "cat\ndog\n"
    assert not (destination / "utt2weight").exists()


def test_a_repeated_utterance_is_an_error_that_writes_nothing(tmp_path, sources):
    again = DataDir(make(tmp_path / "again", {"a": 1, "c": 1}))
    with pytest.raises(InputError, match=r"again/utt2spk:1: 'a-00' is also in utt2spk of .*a; ren"):
        combine(tmp_path / "all", [*sources, again])
    assert not (tmp_path / "all").exists()


def test_files_that_a_source_lacks_are_left_out_with_a_note(tmp_path, sources):
    (sources[0].path / "utt2dur").unlink()
    assert combine(tmp_path / "all", sources) == [
        f"utt2dur is left out: missing from {sources[0].path}"
    ]
    assert not (tmp_path / "all" / "utt2dur").exists()


def test_labels_are_joined_in_order_with_a_note(tmp_path, sources):
    write(sources[1].path, labels_txt="cow\ndog\ncat\n")
    (note,) = combine(tmp_path / "all", sources)
    assert "labels.txt differ: merged into 3 labels" in note
    assert DataDir(tmp_path / "all").labels == ["cat", "dog", "cow"]


def test_segments_and_recordings_shared_by_sources(tmp_path):
    parts = {"a": "a-0 r 0 1\n", "b": "b-0 r 1 2\n"}
    sources = [
        DataDir(write(tmp_path / n, utt2spk=f"{n}-0 {n}\n", segments=line, wav_scp="r cat x |\n"))
        for n, line in parts.items()
    ]
    whole = DataDir(
        write(tmp_path / "c", utt2spk="c-0 c\n", wav_scp="c-0 cat y |\n", utt2dur="c-0 2.25\n")
    )
    assert combine(tmp_path / "all", [whole, *sources]) == [
        f"utt2dur is left out: missing from {tmp_path}/a, {tmp_path}/b"
    ]
    assert is_valid(tmp_path / "all")
    assert (tmp_path / "all" / "wav.scp").read_text() == "c-0 cat y |\nr cat x |\n"
    assert (tmp_path / "all" / "segments").read_text() == "a-0 r 0 1\nb-0 r 1 2\nc-0 c-0 0 2.25\n"
    write(sources[1].path, wav_scp="r cat other |\n")
    with pytest.raises(InputError, match=r"b/wav\.scp:1: 'r' is also in wav\.scp"):
        combine(tmp_path / "all2", sources)


def test_segments_of_whole_recordings_end_with_their_audio(tmp_path):
    """Kaldi's validate_data_dir.sh refuses an end of -1, as it is no time after the start."""
    soundfile.write(tmp_path / "c.wav", [0.0] * 4001, 8000)
    cut = write(tmp_path / "a", utt2spk="a-0 a\n", segments="a-0 r 0 1\n", wav_scp="r cat x |\n")
    scp = f"c-0 {tmp_path}/c.wav\nc-1 {tmp_path}/absent.wav\n"
    whole = write(tmp_path / "c", utt2spk="c-0 c\nc-1 c\n", wav_scp=scp)
    (note,) = combine(tmp_path / "all", [DataDir(cut), DataDir(whole)])
    assert "1 utterances without a known duration (first: c-1) end at -1" in note
    lines = (tmp_path / "all" / "segments").read_text().splitlines()
    assert lines == ["a-0 r 0 1", "c-0 c-0 0 0.500125", "c-1 c-1 0 -1"]


def test_frame_shift_must_agree(tmp_path, sources):
    for source, shift in zip(sources, ("0.01\n", "0.02\n"), strict=True):
        write(source.path, frame_shift=shift)
    with pytest.raises(InputError, match=r"a/frame_shift:1: '0.02', but '0.01' in"):
        combine(tmp_path / "all", sources)


def test_copy_renames_utterances_and_speakers(tmp_path, sources):
    copy(sources[0], tmp_path / "copy", "x-", "-y", "x-", "")
    copied = tmp_path / "copy"
    assert is_valid(copied)
    assert (copied / "utt2spk").read_text() == "x-b-00-y x-b\nx-b-01-y x-b\n"
    assert (copied / "spk2utt").read_text() == "x-b x-b-00-y x-b-01-y\n"
    assert (copied / "utt2uniq").read_text() == "x-b-00-y b-00\nx-b-01-y b-01\n"
    assert keys(copied / "wav.scp") == keys(copied / "utt2label") == ["x-b-00-y", "x-b-01-y"]
    copy(DataDir(copied), tmp_path / "twice", "z-", "", "z-", "")
    assert (tmp_path / "twice" / "utt2uniq").read_text().startswith("z-x-b-00-y b-00\n")


def test_copies_keep_recordings_and_combine_with_their_originals(tmp_path):
    source = DataDir(
        write(tmp_path / "d", utt2spk="a a\n", segments="a r 0 1\n", wav_scp="r cat x |\n")
    )
    copy(source, tmp_path / "copy", "x-", "", "x-", "")
    assert (tmp_path / "copy" / "segments").read_text() == "x-a r 0 1\n"
    assert (tmp_path / "copy" / "wav.scp").read_text() == "r cat x |\n"
    combine(tmp_path / "all", [source, DataDir(tmp_path / "copy")])
    assert (tmp_path / "all" / "utt2uniq").read_text() == "a a\nx-a a\n"


def test_commands(tmp_path, sources, capsys):
    paths = [str(source.path) for source in sources]
    main(["data", "combine", str(tmp_path / "all"), *paths])
    assert capsys.readouterr().out == f"{tmp_path}/all: kept 4 of 4 utterances\n"
    main(["data", "copy", "--utt-suffix", "-rev", paths[0], str(tmp_path / "copy")])
    assert keys(tmp_path / "copy" / "utt2spk") == ["b-00-rev", "b-01-rev"]
    assert capsys.readouterr().out == f"{tmp_path}/copy: valid, 2 utterances of 1 speaker\n"


def test_utt2dur_of_segments_headers_and_frames(tmp_path):
    soundfile.write(tmp_path / "a.wav", [0.0] * 4000, 8000)
    folder = write(tmp_path / "d", utt2spk="u s\nv s\n", wav_scp=f"r {tmp_path}/a.wav\n")
    write(folder, segments="u r 0.1 0.3\nv r 0.125 -1\n")
    assert write_durations(DataDir(folder)).written
    assert DataDir(folder).durations() == {"u": 0.2, "v": 0.375}
    assert not write_durations(DataDir(folder)).written
    frames = write(tmp_path / "f", utt2spk="u s\n", utt2num_frames="u 150\n", frame_shift="0.01\n")
    main(["data", "utt2dur", str(frames)])
    # 150 windows of 25 ms, 10 ms apart, as Kaldi's script reckons
    assert DataDir(frames).durations() == {"u": 1.515}
    neither = write(tmp_path / "n", utt2spk="u s\n")
    with pytest.raises(InputError, match=r"needs wav\.scp, segments, utt2num_frames"):
        write_durations(DataDir(neither))


def test_utt2dur_leaves_out_what_cannot_be_used(tmp_path, capsys):
    soundfile.write(tmp_path / "a.wav", np.arange(4000) / 8000, 8000)
    whole = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "cut.wav").write_bytes(whole[: 44 + 2000])
    folder = write(
        tmp_path / "d",
        utt2spk="".join(f"u{n} s\n" for n in range(8)),
        wav_scp=f"a {tmp_path}/a.wav\nb {tmp_path}/cut.wav\n",
        segments="u0 a 0 -1\nu1 b 0 -1\nu2 a nan 1\nu3 a 0 inf\nu4 a -0.1 1\nu5 a 0.3 0.1\n"
        "u6 a 0.5 -1\nu7 a 0.1 0.3\n",
    )
    assert DataDir(folder).measured_durations()[1] == {
        "u1": "truncated: 0.12 s of the 0.50 s that its header states; copy or download it again",
        "u2": "impossible segment, from nan s to 1 s; correct its times",
        "u3": "impossible segment, from 0 s to inf s; correct its times",
        "u4": "impossible segment, from -0.1 s to 1 s; correct its times",
        "u5": "impossible segment: it ends at 0.1 s and starts at 0.3 s",
        "u6": "empty: no audio from 0.5 s",
    }
    main(["data", "utt2dur", str(folder)])
    assert (folder / "utt2dur").read_text() == "u0 0.5\nu7 0.2\n"
    printed = capsys.readouterr()
    assert "warning: u1: truncated: 0.12 s of the 0.50 s" in printed.err
    assert "utt2dur: written without 6 of them" in printed.out
    (folder / "utt2dur").unlink()
    with pytest.raises(InputError, match=r"wav\.scp: 6 of 8 utterances have no .*; and 3 more"):
        DataDir(folder).durations()


def test_durations_need_no_audio_where_segments_or_features_tell(tmp_path, capsys):
    parts = write(tmp_path / "s", utt2spk="u s\nv s\n", segments="u r 0.5 2\nv r 2 -1\n")
    main(["data", "utt2dur", str(parts)])
    assert (parts / "utt2dur").read_text() == "u 1.5\n"
    assert "v: its segment has no end, and there is no wav.scp" in capsys.readouterr().err
    dumped = with_features(tmp_path / "f", random_features([20, 30]))
    (dumped / "utt2num_frames").unlink()
    main(["data", "utt2dur", str(dumped)])
    assert (dumped / "utt2dur").read_text() == "utt00 0.215\nutt01 0.315\n"
    (dumped / "utt2dur").unlink()
    write(dumped, frame_shift="0.02\n")
    main(["data", "utt2dur", str(dumped)])
    assert (dumped / "utt2dur").read_text() == "utt00 0.43\nutt01 0.63\n"


def test_durations_of_recordings(tmp_path, capsys):
    soundfile.write(tmp_path / "a.wav", [0.0] * 4000, 8000)
    folder = write(tmp_path / "d", utt2spk="u s\n", wav_scp=f"r {tmp_path}/a.wav\n")
    write(folder, segments="u r 0.1 0.3\n")
    for state in ("written", "up to date"):
        main(["data", "reco2dur", str(folder)])
        assert (folder / "reco2dur").read_text() == "r 0.5\n"
        assert capsys.readouterr().out == f"{folder}/reco2dur: {state}\n"


@pytest.mark.parametrize("option", ["utt_prefix", "utt_suffix", "spk_prefix", "spk_suffix"])
@pytest.mark.parametrize("value", ["a b", "a\tb", "a\u00a0b", "\n"])
def test_a_copy_whose_ids_would_break_is_refused_before_it_is_written(
    tmp_path, sources, option, value
):
    with pytest.raises(InputError, match=r"^'a?.+' cannot be part of an ID: white space ends it"):
        copy(sources[0], tmp_path / "copy", **{option: value})
    assert not (tmp_path / "copy").exists()
