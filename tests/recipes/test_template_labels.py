"""The template's local/data.py on CSVs with mistakes, and on those of unusual but good form."""

from itertools import chain

import pytest
from recipes.copies import copy_recipe, run, succeed

from asda.corpus.datadir import DataDir

FILES = [f"{kind}/{name}.wav" for kind in ("cat", "dog") for name in ("0", "1", "2", "cat-1")]
TWO = "cat/0.wav,cat\ndog/0.wav,dog\n"


@pytest.fixture(scope="module")
def recipe(repository, tmp_path_factory):
    return copy_recipe(repository, "TEMPLATE", tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="module")
def audio(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audio")
    for file in [*FILES, "dog/0.flac", "dog_0.wav", "cat/a b.wav", "cat/a_b.wav"]:
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).touch()
    return folder


@pytest.fixture
def prepare(recipe, audio, tmp_path):
    """Return a function that runs local/data.py on the text of a CSV."""

    def on(text, num_folds=0, task="classification"):
        content = text if isinstance(text, bytes) else text.encode()
        (tmp_path / "labels.csv").write_bytes(content)
        words = [task, audio, tmp_path / "labels.csv", num_folds, tmp_path / "data"]
        return run(recipe / "local/data.py", *words, cwd=recipe)

    return on


def listing(header, *values):
    """List the files with the folder as label; each line of further columns is one of values."""
    lines = [f"{file},{file[:3]},{value}\n" for file, value in zip(FILES, values, strict=True)]
    return f"{header}\n{''.join(lines)}"


def refuses(prepare, data, text, message, num_folds=0, task="classification"):
    done = prepare(text, num_folds, task)
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not data.exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,label\ndog/0.wav,dog,bark\n", "csv:2: 3 fields, but the header has 2"),
        ("file,label,label\n", "csv:1: duplicate column 'label'"),
        ('file,label\n"dog"/0.wav,dog\n', "csv:2: ',' expected"),
        ("file,label,fold\ndog/0.wav,dog,\n", "csv:2: column 'fold' is empty"),
        ("file,label\ndog/0.wav,; ;\n", "csv:2: no label in '; ;'"),
        (f"file,label\ndog/{300 * 'x'}.wav,dog\n", "csv:2: no file"),
        ("file,label\n", "csv: a random split needs at least 5 clips"),
    ],
)
def test_wrong_lines(prepare, tmp_path, text, message):
    refuses(prepare, tmp_path / "data", text, message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,label\ncat/0.wav,C++\ndog/0.wav,C#\n", "csv:3: label 'C#' and 'C++' (line 2)"),
        ("file,label\ncat/0.wav,C++;C#\n", "csv:2: label 'C#' and 'C++' (line 2)"),
        (
            "file,label,group\ncat/0.wav,cat,a-b\ndog/0.wav,dog,a b\n",
            "csv:3: group 'a b' and 'a-b' (line 2) would both become 'a_b'",
        ),
        (
            "file,label,group\ncat/0.wav,cat,dog_0\ndog/0.wav,dog,\n",
            "csv:3: group 'dog/0.wav' and 'dog_0' (line 2)",
        ),
        ("file,label,fold\ncat/0.wav,cat,a b\ndog/0.wav,dog,a_b\n", "csv:3: fold 'a_b' and 'a b'"),
        (
            "file,label\ncat/a b.wav,cat\ncat/a_b.wav,cat\n",
            "csv:3: file 'cat/a_b.wav' and 'cat/a b.wav' (line 2) would both become 'cat-a_b.wav'",
        ),
        ("file,label\ndog/0.wav,dog\n./dog/0.wav,dog\n", "csv:3: 'dog/0.wav' is also in line 2"),
        ("file,label\ndog/0.wav,dog\ndog//0.wav,cat\n", "csv:3: 'dog/0.wav' is also in line 2"),
    ],
)
def test_what_would_become_the_same(prepare, tmp_path, text, message):
    refuses(prepare, tmp_path / "data", text, message)


@pytest.mark.parametrize(
    ("text", "num_folds", "message"),
    [
        (listing("file,label,split", *8 * ["train"]), 0, "csv: no clip has the split test"),
        (listing("file,label,split", *8 * ["test"]), 0, "csv: no clip has the split train"),
        (
            listing("file,label,split", "train", *7 * ["test"]),
            0,
            "a training set with a validation set needs at least 2",
        ),
        (listing("file,label,fold", *8 * ["1"]), 0, "csv: only 1 fold in the column fold"),
        (
            f"file,label\n{TWO}",
            3,
            "csv: --num-folds needs at least 3 clips or groups of clips, not 2",
        ),
        (f"file,label\n{TWO}", "x", "--num-folds must be 0 (no folds) or at least 2, not 'x'"),
        (f"file,label\n{TWO}", 1, "--num-folds must be 0 (no folds) or at least 2, not '1'"),
    ],
)
def test_too_few_parts(prepare, tmp_path, text, num_folds, message):
    refuses(prepare, tmp_path / "data", text, message, num_folds)


def test_columns_in_other_case(prepare, tmp_path):
    values = [f'{split},"a, note"' for split in ("train", "test") for _ in range(4)]
    done = prepare(listing("File, LABEL,Split ,Notes", *values))
    assert done.returncode == 0, done.stderr
    tested = DataDir(tmp_path / "data/test").utterances
    assert tested == ["dog-0", "dog-1", "dog-2", "dog-cat-1"]


def test_groups_of_some_clips_alone(prepare, recipe, tmp_path):
    """Data directories are in order although ids begin with the group only where there is one."""
    done = prepare(listing("file,label,group", "dog", "", "", "cat", "", "dog", "", ""))
    assert done.returncode == 0, done.stderr
    data = tmp_path / "data"
    succeed(recipe / "utils/validate_data_dir.sh", "--no-feats", data / "all", cwd=recipe)
    alone = ("cat_1", "cat_2", "dog_0", "dog_2", "dog_cat_1")
    grouped = {"cat-cat-cat-1": "cat", "dog-cat-0": "dog", "dog-dog-1": "dog"}
    assert DataDir(data / "all").table("utt2spk") == grouped | {name: name for name in alone}


@pytest.mark.parametrize(
    ("column", "parts"), [("split", ["train", "test"]), ("fold", ["1", "2"]), ("note", ["1", "2"])]
)
def test_divided_groups_are_warned_of(prepare, column, parts):
    values = [f"{group},{part}" for part in parts for group in "abcd"]
    values[4:6] = f"e,{parts[1]}", f"f,{parts[1]}"
    done = prepare(listing(f"file,label,group,{column}", *values))
    assert done.returncode == 0, done.stderr
    warning = f"labels.csv: column {column} divides 2 group(s), for example 'c' ("
    assert (warning in done.stderr) == (column != "note")
    assert done.stderr.count("divides") == (column != "note")


def test_all_bad_lines_are_reported_at_once(prepare, tmp_path):
    """Missing files, clashes and wrong fields together; a label that clashes is named once."""
    text = f"file,label\n{TWO}cat/1.wav,C#\ncat/2.wav,C++\ndog/1.wav,C++\ndog/9.wav,dog\n"
    done = prepare(f"{text}dog/2.wav\ncat/0.wav,dog\n")
    assert done.returncode == 1
    [head, *rest] = done.stderr.splitlines()
    assert head.endswith("labels.csv: 4 lines are wrong")
    for line, what in zip(
        rest, ["5: label", "7: no file", "8: 1 fields", "9: 'cat/0"], strict=True
    ):
        assert f"labels.csv:{what}" in line
    assert not (tmp_path / "data").exists()


def ids(data):
    return set(DataDir(data / "all").utterances)


def test_files_that_differ_in_their_suffix_keep_it_in_their_ids(prepare, tmp_path):
    """Whichever comes first in the CSV; all others are named as before."""
    for extra in ("dog/0.flac,dog\n", ""):
        lines = listing("file,label,note", *8 * [""]).replace(",\n", "\n").replace(",note", "")
        done = prepare(f"{lines}{extra}")
        assert done.returncode == 0, done.stderr
        known = {file.removesuffix(".wav").replace("/", "-") for file in FILES}
        if extra:
            known = known - {"dog-0"} | {"dog-0.wav", "dog-0.flac"}
        assert ids(tmp_path / "data") == known


def test_a_csv_of_a_spreadsheet_on_windows(prepare, tmp_path):
    """Semicolons, backslashes, CR LF, a byte order mark, capitals, empty rows."""
    lines = [f"{file};{file[:3]};".replace("/", "\\") for file in FILES]
    text = "\r\n".join(["File;LABEL;", *lines[:4], ";;", *lines[4:], ""])
    done = prepare(text.encode("utf-8-sig"))
    assert done.returncode == 0, done.stderr
    assert len(ids(tmp_path / "data")) == 8


def test_what_is_no_audio_is_skipped(prepare, tmp_path):
    lines = listing("file,label,note", *8 * [""])
    done = prepare(f"{lines}cat/._0.wav,cat,\nThumbs.db,cat,\n")
    assert done.returncode == 0, done.stderr
    assert "labels.csv: 2 lines skipped: files without audio, such" in done.stderr
    assert len(ids(tmp_path / "data")) == 8


def test_accents_of_either_normal_form(prepare, audio, tmp_path):
    """A list from a Mac and files from elsewhere, or the reverse; the ID is the same."""
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    assert composed != decomposed
    for on_disk, in_list in ((composed, decomposed), (decomposed, composed)):
        file = audio / f"dog/{on_disk}.wav"
        file.touch()
        lines = listing("file,label,note", *8 * [""])
        done = prepare(f"{lines}dog/{in_list}.wav,{in_list},\n")
        assert done.returncode == 0, done.stderr
        directory = DataDir(tmp_path / "data/all")
        assert directory.table("wav.scp")[f"dog-{composed}"] == str(file)
        assert directory.labels == [composed, "cat", "dog"]
        file.unlink()


def test_letters_of_any_alphabet_stay(prepare, tmp_path):
    """With the vowel signs that Devanagari writes as marks of their own."""
    names = {
        "cat": "\u0939\u093f\u0928\u094d\u0926\u0940",
        "dog": "\u0440\u0443\u0441\u0441\u043a\u0438\u0439 1",
    }
    text = "".join(f"{file},{names[file[:3]]}\n" for file in FILES)
    done = prepare(f"file,label\n{text}")
    assert done.returncode == 0, done.stderr
    expected = sorted(name.replace(" ", "_") for name in names.values())
    assert DataDir(tmp_path / "data/all").labels == expected


@pytest.mark.parametrize("name", ["touch ran |", "cat/odd.wav "])
def test_names_that_a_table_would_misread_are_refused(prepare, audio, tmp_path, name):
    """One would be run as a command."""
    (audio / name).touch()
    try:
        refuses(prepare, tmp_path / "data", f"file,label\n{name},cat\n", "rename it")
    finally:
        (audio / name).unlink()


def test_labels_of_a_folder_are_read_as_they_are(prepare, audio, recipe, tmp_path):
    said = succeed(recipe / "utils/make_labels.sh", audio, cwd=recipe)
    done = prepare(said.replace("cat/a_b.wav,cat\n", ""))
    assert done.returncode == 0, done.stderr
    assert len(ids(tmp_path / "data")) == len(FILES) + 2
    assert DataDir(tmp_path / "data/all").labels == ["cat", "dog"]


@pytest.mark.parametrize("value", ['"cat,wind"', "cat|wind", "\"['cat', 'wind']\""])
def test_lists_of_labels_that_other_programs_write_are_pointed_out(prepare, value):
    lines = "".join(f"{file},{value}\n" for file in FILES)
    done = prepare(f"file,label\n{lines}")
    label = value.strip('"')
    assert done.returncode == 0
    assert f"csv:2: '{label}' counts as one class; if it is a list, separate" in done.stderr
    assert done.stderr.count("\n") == 1


def test_folds_that_are_ignored_are_said_to_be(prepare):
    done = prepare(listing("file,label,split", *4 * ["train", "test"]), num_folds=5)
    assert (done.returncode, "--num-folds 5 is ignored: " in done.stderr) == (0, True)


def test_transcripts(prepare, tmp_path):
    """They keep their punctuation and alphabet; groups are speakers and are not divided."""
    texts = ["yes, please", "да", 'the  "end"', "می\u200cخواهم", "no", "yes no\u00ad"]
    assert len(FILES) >= len(texts)
    lines = [
        f'{file},"{text.replace(chr(34), 2 * chr(34))}",s{number}\n'
        for number, (file, text) in enumerate(zip(FILES, texts, strict=False))
    ]
    done = prepare("file,text,group\n" + "".join(lines), task="recognition")
    assert done.returncode == 0, done.stderr
    assert "6 clips, 9 words, 9 different ones\n" in done.stdout
    whole = DataDir(tmp_path / "data/all")
    written = whole.table("text")
    assert [written[u] for u in sorted(written)] == [" ".join(text.split()) for text in texts]
    assert not (whole.path / "utt2label").exists()
    assert not (whole.path / "labels.txt").exists()
    parts = [DataDir(tmp_path / "data" / name).utterances for name in ("train", "valid", "test")]
    assert sorted(chain(*parts)) == sorted(written)
    assert all(len(part) for part in parts)


@pytest.mark.parametrize(
    ("task", "text", "message"),
    [
        (
            "classification",
            "file,text\ndog/0.wav,yes\n",
            "csv:1: no column 'label' (found: file, text);"
            " for recognition write task=recognition into run.sh",
        ),
        (
            "recognition",
            "file,label\ndog/0.wav,dog\n",
            "csv:1: no column 'text' (found: file, label);"
            " for classification write task=classification into run.sh",
        ),
        ("recognition", "file,texts\ndog/0.wav,yes\n", "correct the header or add the column"),
        ("recognition", "file,text\ndog/0.wav,\n", "csv:2: column 'text' is empty; fill it in"),
        ("recognition", "file,text\ndog/0.wav,yes, no\n", "csv:2: 3 fields"),
        ("recognition", "file,text\ndog/0.wav,a\x01b\n", "csv:2: control character U+0001"),
        ("recognition", 'file,text\ndog/0.wav,"a\nb"\n', "cannot have line breaks"),
        (
            "recognition",
            "file,text,group\n" + "".join(f"{file},yes,s1\n" for file in FILES),
            "needs at least 5 clips or groups of clips, not 1; list clips of more groups, assign",
        ),
    ],
)
def test_csvs_of_the_other_task(prepare, tmp_path, task, text, message):
    refuses(prepare, tmp_path / "data", text, message, task=task)
