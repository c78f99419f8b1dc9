"""Files and folders that appear when they are complete."""

import pytest

from asda.files import InputError
from asda.staging import staged


def test_a_folder_with_files_is_not_replaced(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/mine").write_text("")
    refusal = pytest.raises(InputError, match="a folder with files in it; remove it")
    with refusal, staged(tmp_path / "folder"):
        pass


def test_a_folder_appears_when_it_is_complete(tmp_path):
    out = tmp_path / "new/folder"
    with staged(out) as folder:
        (folder / "inner").mkdir(parents=True)
        (folder / "inner/file").write_text("content")
        assert not out.exists()
    assert (out / "inner/file").read_text() == "content"
    assert [path.name for path in out.parent.iterdir()] == ["folder"]
