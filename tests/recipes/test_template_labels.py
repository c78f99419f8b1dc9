"""The template's local/data.py on CSVs with mistakes, and on those of unusual but good form."""

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
    for file in [*FILES, "dog/0.flac", "dog_0.wav"]:
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).touch()
    return folder


@pytest.fixture
def prepare(recipe, audio, tmp_path):
    """Return a function that runs local/data.py on the text of a CSV."""

    def on(text, num_folds=0):
        content = text if isinstance(text, bytes) else text.encode()
        (tmp_path / "labels.csv").write_bytes(content)
        labels, data = tmp_path / "labels.csv", tmp_path / "data"
        return run(recipe / "local/data.py", audio, labels, num_folds, data, cwd=recipe)

    return on


def listing(header, *values):
    """List the files with the folder as label; each line of further columns is one of values."""
    lines = [f"{file},{file[:3]},{value}\n" for file, value in zip(FILES, values, strict=True)]
    return f"{header}\n{''.join(lines)}"


def refuses(prepare, data, text, message, num_folds=0):
    done = prepare(text, num_folds)
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
        ("file,label\ndog/0.wav,dog\ndog/0.flac,dog\n", "would both become 'dog-0'"),
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
    assert done.stderr.count("\n") == (column != "note")
