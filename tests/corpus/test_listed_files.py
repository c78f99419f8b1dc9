import pytest

from asda.corpus.listed_files import ListedFiles


@pytest.fixture
def files(tmp_path):
    for name in ("Dog/A b.WAV", "dog2/c.flac", "cat/d.wav", "cat/D.wav", "cat/e\u0301.wav"):
        (tmp_path / "sounds" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "sounds" / name).touch()
    return ListedFiles(tmp_path / "sounds")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("dog2/c.flac", "dog2/c.flac"),
        ("./dog2//c.flac", "dog2/c.flac"),
        ("dog2\\c.flac", "dog2/c.flac"),
        ("dog\\a b.wav", "Dog/A b.WAV"),
        ("cat/\u00e9.wav", "cat/e\u0301.wav"),
        ("CAT/\u00c9.WAV", "cat/e\u0301.wav"),
        ("cat/D.wav", "cat/D.wav"),
        ("CAT/d.wav", "cat/d.wav"),
        ("CAT/D.WAV", None),  # d.wav or D.wav
        ("cat", None),  # a folder
        ("none/c.flac", None),
    ],
)
def test_names_of_other_systems(files, name, found):
    assert files.find(name) == (f"{files.folder}/{found}" if found else None)


def test_absolute_names(files):
    assert files.find(f"{files.folder}/dog2/C.flac") == f"{files.folder}/dog2/c.flac"


@pytest.mark.parametrize(
    ("name", "similar"),
    [
        ("dog2/c.wav", "dog2/c.flac"),
        ("sounds/dog2/c.flac", "dog2/c.flac"),
        ("C:\\data\\sounds\\dog2\\c.flac", "dog2/c.flac"),
        ("dog2/x.flac", None),
    ],
)
def test_similar_names_are_suggested(files, name, similar):
    assert files.find(name) is None
    assert files.similar(name) == similar
