"""utils/unpack_split_zip.py on archives of the `zip` program."""

import random
import shutil
import subprocess
import zipfile

import pytest


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder of files, some of which cross the border of two parts."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "audio").mkdir()
    rng = random.Random(0)
    for number in range(12):
        (folder / f"audio/{number}.wav").write_bytes(rng.randbytes(30000))
    (folder / "audio/zeros.wav").write_bytes(bytes(100000))
    (folder / "audio/empty.wav").touch()
    return folder


@pytest.fixture
def archive(whole, tmp_path):
    if not shutil.which("zip"):
        pytest.skip("needs the program zip")
    command = ["zip", "-q", "-r", "-s", "64k", tmp_path / "a.zip", "audio"]
    subprocess.run(command, cwd=whole, check=True)
    assert len(list(tmp_path.glob("a.z*"))) > 4
    return tmp_path / "a.zip"


def unpack(repository, archive):
    command = [repository / "utils/unpack_split_zip.py", archive, archive.parent / "out"]
    return subprocess.run(command, capture_output=True, text=True)


def test_all_files_come_out(repository, whole, archive):
    done = unpack(repository, archive)
    assert done.returncode == 0, done.stderr
    subprocess.run(["diff", "-r", whole, archive.parent / "out"], check=True)


def test_an_archive_of_one_part(repository, whole, tmp_path):
    shutil.make_archive(str(tmp_path / "a"), "zip", whole)
    assert unpack(repository, tmp_path / "a.zip").returncode == 0
    subprocess.run(["diff", "-r", whole, tmp_path / "out"], check=True)


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("a.z02", None, "a.z02: no such file"),
        ("a.z02", lambda content: content[:1000] + b"?" + content[1001:], "wrong checksum"),
        ("a.z03", lambda content: content[:-9], "truncated|wrong checksum"),
        ("a.zip", lambda content: content[:-100], "not a zip file"),
    ],
)
def test_what_is_wrong(repository, archive, part, change, message):
    path = archive.parent / part
    if change:
        path.write_bytes(change(path.read_bytes()))
    else:
        path.unlink()
    done = unpack(repository, archive)
    assert done.returncode == 1
    assert any(text in done.stderr for text in message.split("|"))
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["../owned", "/{}/owned"])
def test_a_name_that_leads_out_of_the_folder_is_refused(repository, tmp_path, name):
    (tmp_path / "in").mkdir()
    with zipfile.ZipFile(tmp_path / "in/a.zip", "w") as archive:
        archive.writestr(name.format(tmp_path), b"x")
    done = unpack(repository, tmp_path / "in/a.zip")
    assert done.returncode == 1
    assert "leads out of the folder" in done.stderr and done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.rglob("*")] == ["in", "a.zip"]
