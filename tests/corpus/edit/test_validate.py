import pytest
from corpus.directories import make, write

from asda.cli import main
from asda.corpus.edit.validate import Checks, validate

NO_FEATS = Checks(feats=False)


def problems(directory, **checks) -> list[str]:
    report = validate(directory, Checks(**{"feats": False, **checks}))
    found = [line.removeprefix(f"{directory}/") for line in report.lines()]
    return [line for line in found if not line.startswith("warning")]


@pytest.fixture
def directory(tmp_path):
    return make(tmp_path / "d", {"a": 3, "b": 2})


def replace(path, old: str, new: str) -> None:
    text = path.read_bytes()
    assert old.encode() in text
    path.write_bytes(text.replace(old.encode(), new.encode(), 1))


def test_a_valid_directory_has_no_problems(directory):
    report = validate(directory, NO_FEATS)
    assert (report.count, list(report.lines())) == (0, [])


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("utt2spk", "a-01 a", "a-01", "utt2spk:2: 'a-01': no value"),
        ("utt2spk", "a-01 a", "a-01 a c", "utt2spk:2: 'a-01': expected one word, found 'a c'"),
        ("utt2spk", "a-01 a\n", "", "wav.scp:2: 'a-01' is not in {0}/utt2spk"),
        ("utt2spk", "a-02 a\nb-00 b\n", "b-00 b\na-02 a\n", "utt2spk:4: 'a-02' after 'b-00': not"),
        ("utt2spk", "a-02 a", "a-01 a", "utt2spk:3: duplicate key 'a-01'"),
        ("utt2spk", "a-01 a", "a-01 c", "utt2spk:3: speaker 'a' of 'a-02' after speaker 'c'"),
        ("spk2utt", "a a-00 a-01", "a a-00", "spk2utt:1: 'a' does not match utt2spk: see 'a-01'"),
        ("spk2utt", "b b", "c b", "spk2utt: 'b' of {0}/utt2spk is missing"),
        ("wav.scp", "sox b-00.wav -t wav - |", "", "wav.scp:4: 'b-00': no value"),
        ("wav.scp", "sox b-00.wav -t wav - |", "no/b.wav", "wav.scp:4: 'b-00': no such file: no/b"),
        (
            "wav.scp",
            "sox b-00.wav -t wav - |",
            "no.ark:12",
            "wav.scp:4: 'b-00': no such file: ./no",
        ),
        ("utt2label", "a-01", "a-00x", "utt2label:2: 'a-00x' is not in {0}/utt2spk"),
        ("utt2label", "dog", "cow", "utt2label:2: 'a-01': label 'cow' is not in labels.txt"),
        (
            "labels.txt",
            "cat\ndog",
            "cat\ncat",
            "utt2label: labels cannot be checked: {0}/labels.t",
        ),
        ("utt2dur", "1.5", "0", "utt2dur:1: 'a-00': expected a positive number, found '0'"),
        ("utt2dur", "1.5", "nan", "utt2dur:1: 'a-00': expected a positive number, found 'nan'"),
        ("utt2dur", "a-00 1.5", "a-00 1.5\r", "utt2dur:1: Windows line ending (CR LF)"),
        ("utt2dur", "a-00 1.5", " a-00 1.5", "utt2dur:1: empty line or leading space"),
        ("utt2dur", "a-00 1.5\n", "a-00 1.5\n\n", "utt2dur:2: empty line or leading space"),
        (
            "utt2label",
            "dog cat",
            "dog\u00a0cat",
            "utt2label:2: column 9: unexpected character U+00A0",
        ),
    ],
)
def test_each_problem_names_file_and_line(directory, file, old, new, expected):
    replace(directory / file, old, new)
    expected = expected.format(directory)
    assert any(line.startswith(expected) for line in problems(directory)), problems(directory)


@pytest.mark.parametrize("name", ["a b", "a\tb", "a\u00a0b", "a\u200bb", "a\u202eb", "a\x0cb"])
def test_names_of_files_may_hold_any_character_of_a_line(directory, name):
    (directory / f"{name}.wav").touch()
    replace(directory / "wav.scp", "sox b-00.wav -t wav - |", f"{directory}/{name}.wav")
    assert problems(directory) == []
    (directory / f"{name}.wav").unlink()
    missing = f"wav.scp:4: 'b-00': no such file: {directory}/{name}.wav"
    assert problems(directory) == [missing]


def test_transcripts_may_hold_the_invisible_characters_of_their_script(directory):
    lines = (directory / "utt2spk").read_text().splitlines()
    texts = ["\u0645\u06cc\u200c\u062e", "soft\u00adly", "\u05e9\u200f", "a\u200bb", "c\ufeffd"]
    written = [f"{line.split()[0]} {texts[n % 5]}\n" for n, line in enumerate(lines)]
    (directory / "text").write_text("".join(written), encoding="utf-8")
    assert problems(directory) == []
    (directory / "text").write_text("".join(written).replace("soft", "so\x01ft"), "utf-8")
    assert "text:2: column 8: unexpected character U+0001" in problems(directory)


def test_utterance_ids_of_files_may_not(directory):
    replace(directory / "wav.scp", "b-00 ", "b\u00a000 ")
    assert "wav.scp:4: column 2: unexpected character U+00A0" in problems(directory)


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("utt2weight", "a-00 1\na-01 -2\na-02 1\nb-00 1\nb-01 1\n", "utt2weight:2: 'a-01': expect"),
        ("utt2num_frames", "a-00 1.5\n", "utt2num_frames:1: 'a-00': expected a positive integer"),
        ("utt2fold", "a-00 1\nzz 2\n", "utt2fold:2: 'zz' is not in {0}/utt2spk"),
        ("spk2gender", "a m\nb x\n", "spk2gender:2: 'b': expected m or f, found 'x'"),
        ("cmvn.scp", "a x.ark:2\n", "cmvn.scp: 'b' of {0}/utt2spk is missing"),
        ("feats.scp", "", "feats.scp: empty file"),
        ("feats.scp", "a-00 x.ark:1", "feats.scp:1: no newline at the end of the file"),
        ("text", "a-00 hi <s>\n", "text:1: 'a-00': <s> is a reserved symbol"),
        ("spk2warp", "a 1.1\nb 1.6\n", "spk2warp:2: 'b': expected a factor from 0.5 to 1.5"),
        ("spk2warp", "a 1.1\n", "spk2warp: 'b' of {0}/utt2spk is missing"),
        ("utt2warp", "a-00 0.4\n", "utt2warp:1: 'a-00': expected a factor from 0.5 to 1.5"),
        (
            "reco2file_and_channel",
            "a-00 a A\na-01 a C\n",
            "reco2file_and_channel:2: 'a-01': expected 'file A' or 'file B'",
        ),
        ("frame_shift", "fast\n", "frame_shift:1: expected a positive number, found 'fast'"),
    ],
)
def test_other_files_are_checked_where_they_exist(directory, file, text, expected):
    (directory / file).write_text(text)
    expected = expected.format(directory)
    assert any(line.startswith(expected) for line in problems(directory)), problems(directory)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("a-00 r 0 1\n", ""),
        ("a-00 r 0.5 -1\n", ""),
        ("a-00 r 1 1\n", "segments:1: 'a-00': end '1' is not after the start 1"),
        ("a-00 r -1 1\n", "segments:1: 'a-00': start '-1' is not a time"),
        ("a-00 r 0\n", "segments:1: 'a-00': expected 'recording start end'"),
        ("a-00 q 0 1\n", "wav.scp: 'q' of {0}/segments is missing"),
        ("z r 0 1\n", "segments:1: 'z' is not in {0}/utt2spk"),
    ],
)
def test_segments(tmp_path, lines, expected):
    folder = write(
        tmp_path / "d",
        utt2spk="a-00 a\n",
        spk2utt="a a-00\n",
        wav_scp="r cat x |\n",
        segments=lines,
    )
    found = problems(folder, text=False)
    if expected:
        assert any(line.startswith(expected.format(folder)) for line in found), found
    else:
        assert found == []


def test_what_is_required_can_be_waived(tmp_path):
    folder = write(tmp_path / "d", utt2spk="a a\n", spk2utt="a a\n")
    assert [line.split(":")[0] for line in problems(folder, feats=True)] == [
        "wav.scp",
        "feats.scp",
        "text",
    ]
    assert problems(folder, text=False, wav=False) == []


def test_speaker_order_can_be_waived(directory):
    replace(directory / "utt2spk", "a-01 a", "a-01 c")
    write(directory, spk2utt="a a-00 a-02\nb b-00 b-01\nc a-01\n")
    assert len(problems(directory)) == 1
    assert problems(directory, spk_sort=False) == []


def test_unknown_speakers_are_no_matter(tmp_path, capsys):
    folder = write(tmp_path / "d", utt2spk="a a\nb b\n", spk2utt="a a\nb b\n")
    report = validate(folder, Checks(feats=False, text=False, wav=False))
    assert (report.count, list(report.lines())) == (0, [])
    main(["data", "validate", "--no-feats", "--no-text", "--no-wav", str(folder)])
    assert capsys.readouterr() == (f"{folder}: valid, 2 utterances\n", "")


def test_not_utf8_is_a_problem_and_not_the_end(directory):
    (directory / "utt2label").write_bytes(b"a-00 cat\nb-00 \xff\n")
    found = problems(directory)
    assert "utt2label:2: column 6: not UTF-8" in found
    assert f"utt2label: 'b-01' of {directory}/utt2spk is missing" in found


def test_unprintable_characters_of_text_can_be_waived_but_not_white_space(directory):
    rows = "".join(f"{key} hi\x01\n" for key in ("a-00", "a-01", "a-02", "b-00", "b-01"))
    write(directory, text=rows)
    assert len(problems(directory)) == 5
    assert problems(directory, non_print=True) == []
    write(directory, text=rows.replace("\x01", "\u3000x"))
    assert len(problems(directory, non_print=True)) == 5


def test_many_problems_of_a_file_are_counted(tmp_path):
    folder = make(tmp_path / "d", {"a": 30})
    write(folder, utt2dur="".join(f"a-{index:02d} 0\n" for index in range(30)))
    found = problems(folder, shown=4)
    assert len(found) == 5
    assert found[-1] == "utt2dur: and 26 more"


def test_audio_is_read_when_asked_for(tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"not audio")
    folder = write(
        tmp_path / "d", utt2spk="a a\n", spk2utt="a a\n", wav_scp=f"a {tmp_path}/bad.wav\n"
    )
    assert problems(folder, text=False) == []
    assert problems(folder, text=False, audio=3)[0].startswith("wav.scp: utterance 'a': ")


def test_the_command_prints_problems_and_the_repair_and_fails(directory, capsys):
    main(["data", "validate", "--no-feats", str(directory)])
    assert capsys.readouterr().out == f"{directory}: valid, 5 utterances of 2 speakers\n"
    replace(directory / "utt2spk", "a-01 a", "a-01")
    with pytest.raises(SystemExit) as stopped:
        main(["data", "validate", "--no_feats", str(directory)])
    assert stopped.value.code == 1
    error = capsys.readouterr().err
    assert f"{directory}/utt2spk:2: 'a-01': no value" in error
    assert f"utils/fix_data_dir.sh {directory}" in error
