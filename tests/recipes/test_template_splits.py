"""The template's random splits and folds when classes are small."""

from collections import Counter
from itertools import chain

import pytest
from recipes.copies import copy_recipe, run

from asda.corpus.datadir import DataDir

SETS = ("train", "valid", "test")


@pytest.fixture(scope="module")
def recipe(repository, tmp_path_factory):
    return copy_recipe(repository, "TEMPLATE", tmp_path_factory.mktemp("checkout"))


@pytest.fixture
def split(recipe, tmp_path):
    """Return a function from clips per class to clips per class of each set, and the warnings."""

    def on(sizes, num_folds=0, groups=None, extra=""):
        lines = [f"file,label{',group' * bool(groups)}{extra}"]
        for label, size in sizes.items():
            for number in range(size):
                file = tmp_path / f"{label.replace(';', '_')}{number}.wav"
                file.touch()
                group = f",{groups(label, number)}" if groups else ""
                lines.append(f"{file.name},{label}{group}{',train' * bool(extra)}")
        if extra:
            lines[-1] = lines[-1].replace("train", "test")
        (tmp_path / "labels.csv").write_text("\n".join(lines))
        words = ["classification", tmp_path, tmp_path / "labels.csv", num_folds, "data"]
        done = run(recipe / "local/data.py", *words, cwd=recipe)
        assert done.returncode == 0, done.stderr
        folders = [f"fold{fold}" for fold in range(1, num_folds + 1)] or [""]
        counts = [[count(recipe / "data" / folder / name) for name in SETS] for folder in folders]
        return counts, done.stderr.splitlines()

    def count(folder):
        return Counter(chain.from_iterable(DataDir(folder).utt2label.values()))

    return on


def test_classes_of_few_clips(split):
    [[train, valid, test]], warnings = split({"a": 1, "b": 2, "c": 3, "d": 40, "e": 40})
    assert (train["a"], valid["a"], test["a"]) == (1, 0, 0)
    assert (train["b"], valid["b"], test["b"]) == (1, 0, 1)
    assert (train["c"], valid["c"], test["c"]) == (1, 1, 1)
    assert min(train["d"], train["e"]) >= 28
    start = "local/data.py: warning: class"
    assert warnings == [
        f"{start} a: 1 clip: none in valid and test",
        f"{start} b: 2 clips: none in valid",
    ]


@pytest.mark.parametrize("seed_class", "abc")
def test_every_small_class_is_in_training(split, seed_class):
    """Wherever chance would have put it; with groups they are never divided."""
    sizes = {f"{seed_class}{n}": 1 + n % 4 for n in range(16)} | {"many": 60}
    [[train, valid, test]], _ = split(sizes, groups=lambda label, n: f"{label} {n // 2}")
    for label, size in sizes.items():
        groups = (size + 1) // 2
        present = [bool(part[label]) for part in (train, test, valid)]
        assert present == [True, groups > 1, groups > 2], label
        assert train[label] + valid[label] + test[label] == size


def test_a_corpus_without_small_classes_is_split_as_ever(split, recipe):
    """By n-th clips of the shuffled list, so that results stay comparable."""
    [[train, valid, test]], warnings = split({"a": 50, "b": 70})
    assert warnings == []
    assert (test, valid, train) == ({"a": 10, "b": 14}, {"a": 4, "b": 6}, {"a": 36, "b": 50})
    expected = ["a16", "a23", "a29", "a6"]
    assert [u for u in DataDir(recipe / "data/valid").utterances if u[0] == "a"] == expected


def test_folds_keep_classes_in_training(split):
    folds, warnings = split({"a": 1, "b": 2, "c": 30}, num_folds=3)
    assert all(train["b"] + valid["b"] + test["b"] == 2 for train, valid, test in folds)
    assert sorted(test["b"] for _, _, test in folds) == [0, 1, 1]
    assert all(train["b"] for train, _, _ in folds)
    fold = next(n for n, (_, _, test) in enumerate(folds, 1) if test["a"])
    assert warnings == [
        f"local/data.py: warning: class a: 1 clip: none in the training set of fold {fold}"
    ]


def test_several_labels(split):
    [[train, _, test]], _ = split({"a;b": 1, "b": 1, "a;c": 2, "c": 30})
    assert train["a"] and train["b"] and test["a"]


def test_a_given_test_set_stays(split):
    """Only the validation set is drawn; a class of one clip is not drawn for it."""
    sizes = {"a": 1, "b": 12, "z": 2}
    [[train, valid, test]], warnings = split(sizes, extra=",split")
    assert (train["a"], train["z"], test) == (1, 1, {"z": 1})
    assert valid == {"b": 1}
    assert "class b: 12 clips: none in test" in warnings[-1]


def test_many_small_classes_are_counted(split):
    _, warnings = split({f"c{n:02d}": 1 for n in range(9)} | {"many": 30})
    assert [line.partition("warning: ")[2] for line in warnings[4:]] == [
        "class c04: 1 clip: none in valid and test",
        "and 4 more classes",
    ]


def test_classes_of_one_clip_each_are_refused(recipe, tmp_path):
    for n in range(6):
        (tmp_path / f"{n}.wav").touch()
    lines = [f"{n}.wav,class{n}" for n in range(6)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,label", *lines]))
    words = ["classification", tmp_path, tmp_path / "labels.csv", 0, tmp_path / "data"]
    done = run(recipe / "local/data.py", *words, cwd=recipe)
    assert done.returncode == 1
    assert "labels.csv: no clips are left for test, since every class is kept" in done.stderr
    assert done.stderr.count("\n") == 1
