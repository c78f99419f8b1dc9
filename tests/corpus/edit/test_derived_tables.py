"""Tables and lists that Kaldi's scripts in utils/data/ make of others."""

import numpy as np
import pytest
import soundfile
from corpus.directories import make, write
from dataset.directories import random_features, with_features

from asda.cli import main
from asda.corpus.datadir import DataDir


def test_speakers_are_divided_by_number(tmp_path, capsys):
    source = make(tmp_path / "d", {"a": 11, "b": 2})
    write(source, spk2gender="a f\nb m\n")
    main(["data", "speakers", "--utts-per-spk-max", "2", str(source), str(tmp_path / "out")])
    made = DataDir(tmp_path / "out")
    assert made.table("spk2utt")["a-1"] == "a-00 a-01"
    assert list(made.table("spk2utt")) == [*(f"a-{n}" for n in range(1, 7)), "b-1"]
    assert made.table("spk2utt")["a-6"] == "a-10"
    assert made.table("wav.scp") == DataDir(source).table("wav.scp")
    assert not made.has("spk2gender")
    assert "out: 7 speakers instead of 2" in capsys.readouterr().out


def test_numbers_of_speakers_have_as_many_digits(tmp_path):
    source = make(tmp_path / "d", {"a": 12})
    main(["data", "speakers", "--utts-per-spk-max", "1", str(source), str(tmp_path / "out")])
    assert list(DataDir(tmp_path / "out").table("spk2utt"))[:2] == ["a-01", "a-02"]


def test_speakers_are_divided_by_duration(tmp_path):
    source = make(tmp_path / "d", {"a": 4})  # of 1.5, 2.5, 3.5 and 1.5 s
    words = ["--seconds-per-spk-max", "4", "--utts-per-spk-max", "-1"]
    main(["data", "speakers", *words, str(source), str(tmp_path / "out")])
    assert DataDir(tmp_path / "out").table("spk2utt") == {
        "a-1": "a-00 a-01",
        "a-2": "a-02",
        "a-3": "a-03",
    }


def test_speakers_can_be_made_of_recordings_or_of_anything(tmp_path):
    source = write(
        tmp_path / "d",
        utt2spk="a x\nb y\nc z\n",
        spk2utt="x a\ny b\nz c\n",
        wav_scp="r cat 1 |\nt cat 2 |\n",
        segments="a r 0 1\nb r 1 2\nc t 0 1\n",
    )
    words = ["data", "speakers", "--respect-speaker-info", "false", "--utts-per-spk-max", "2"]
    main([*words, str(source), str(tmp_path / "out")])
    assert DataDir(tmp_path / "out").table("spk2utt") == {"r-1": "a b", "t-1": "c"}
    main([*words, "--respect-recording-info", "false", str(source), str(tmp_path / "any")])
    assert DataDir(tmp_path / "any").table("spk2utt") == {"speaker-1": "a b", "speaker-2": "c"}


def test_one_limit_at_least_is_needed(tmp_path, capsys):
    source = make(tmp_path / "d", {"a": 4})
    with pytest.raises(SystemExit):
        main(["data", "speakers", str(source), str(tmp_path / "out")])
    assert "give --utts-per-spk-max or --seconds-per-spk-max" in capsys.readouterr().err


def test_frames_are_counted_in_features_or_reckoned_from_durations(tmp_path, capsys):
    dumped = with_features(tmp_path / "f", random_features([20, 30]))
    (dumped / "utt2num_frames").unlink()
    reckoned = write(tmp_path / "d", utt2spk="u s\nv s\n", wav_scp="u x\nv y\n")
    write(reckoned, utt2dur="u 1.0\nv 0.04\n")
    for folder, counts in ((dumped, "utt00 20\nutt01 30\n"), (reckoned, "u 98\nv 2\n")):
        main(["data", "frames", "--nj", "2", "--cmd", "run.pl", str(folder)])
        assert (folder / "utt2num_frames").read_text() == counts
    capsys.readouterr()
    main(["data", "num-frames", str(dumped)])
    assert capsys.readouterr().out == "50\n"


@pytest.mark.parametrize(
    ("tables", "shift"),
    [
        ({}, "0.01"),
        ({"frame_shift": "0.0125\n"}, "0.0125"),
        ({"utt2dur": "utt00 0.222\nutt01 0.318\n"}, "0.01"),
        ({"utt2dur": "utt00 0.43\nutt01 0.63\n"}, "0.02"),
    ],
)
def test_the_shift_of_frames_is_stated_or_measured(tmp_path, capsys, tables, shift):
    folder = write(with_features(tmp_path / "f", random_features([20, 30])), **tables)
    main(["data", "frame-shift", str(folder)])
    assert capsys.readouterr().out == f"{shift}\n"


def test_durations_of_features_follow_the_shift_that_is_given(tmp_path):
    folder = with_features(tmp_path / "f", random_features([20]))
    main(["data", "utt2dur", "--frame-shift", "0.02", str(folder)])
    assert (folder / "utt2dur").read_text() == "utt00 0.43\n"


def test_segments_of_whole_recordings_are_printed(tmp_path, capsys):
    soundfile.write(tmp_path / "a.wav", np.zeros(4000), 8000)
    folder = write(tmp_path / "d", utt2spk="u s\n", wav_scp=f"u {tmp_path}/a.wav\n")
    main(["data", "segments", str(folder)])
    assert capsys.readouterr().out == "u u 0 0.5\n"


def test_recordings_are_listed_with_their_utterances(tmp_path):
    folder = write(tmp_path / "d", utt2spk="a s\nb s\nc s\n")
    for segments, lines in (
        ("a r 0 1\nb t 0 1\nc r 1 2\n", "r a c\nt b\n"),
        (None, "a a\nb b\nc c\n"),
    ):
        if segments:
            write(folder, segments=segments)
        else:
            (folder / "segments").unlink()
        main(["data", "reco2utt", str(folder)])
        assert (folder / "reco2utt").read_text() == lines


def test_transcripts_that_occur_often_are_thinned_out(tmp_path):
    folder = write(
        make(tmp_path / "d", {"a": 6}),
        text="a-00 uh huh\na-01 uh  huh\na-02 yes\na-03 uh huh\na-04 uh huh\na-05\n",
    )
    main(["data", "no-repeats", "2", str(folder), str(tmp_path / "out")])
    made = DataDir(tmp_path / "out")
    assert list(made.table("text")) == ["a-00", "a-02", "a-03", "a-05"] == made.utterances
