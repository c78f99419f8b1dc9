"""Whatever an archive holds, files land below its folder, and nothing but files is made."""

import io
import subprocess
import tarfile
import zipfile

import pytest

from asda.files import InputError
from asda.registry.unpacking import DamagedArchiveError, unpack

CONTENT = b"RIFF of a clip"
SECRET = b"of another user"


@pytest.fixture
def place(tmp_path):
    """A folder for archives, beside a file that no archive may reach."""
    (tmp_path / "secret").write_bytes(SECRET)
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def pack(place, *members):
    """Write a tar archive of (name, type, name of the link or content)."""
    with tarfile.open(place / "a.tar.gz", "w:gz") as archive:
        for name, kind, what in members:
            member = tarfile.TarInfo(name)
            member.type = kind
            if kind == tarfile.REGTYPE:
                member.size = len(what)
            else:
                member.linkname = what
            archive.addfile(member, io.BytesIO(what) if kind == tarfile.REGTYPE else None)
    return place / "a.tar.gz"


def outside(place):
    """Return what there is beside the folder of archives."""
    return {path.name: path.read_bytes() for path in place.parent.iterdir() if path.is_file()}


ATTACKS = {
    "a name with ..": [("../../owned", tarfile.REGTYPE, CONTENT)],
    "an absolute name": [("{0}/owned", tarfile.REGTYPE, CONTENT)],
    "a file through a link": [
        ("d", tarfile.SYMTYPE, "{0}"),
        ("d/owned", tarfile.REGTYPE, CONTENT),
    ],
    "a file over a link": [
        ("owned", tarfile.SYMTYPE, "{0}/secret"),
        ("owned", tarfile.REGTYPE, CONTENT),
    ],
    "a link out": [("owned", tarfile.SYMTYPE, "{0}/secret")],
    "a hard link out": [("owned", tarfile.LNKTYPE, "{0}/secret")],
    "links in a circle": [("owned", tarfile.SYMTYPE, "b"), ("b", tarfile.SYMTYPE, "owned")],
    "a pipe": [("owned", tarfile.FIFOTYPE, "")],
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_by_tar_are_refused(place, attack):
    members = [
        (name.format(place.parent), kind, what.format(place.parent) if type(what) is str else what)
        for name, kind, what in ATTACKS[attack]
    ]
    archive = pack(place, *members)
    with pytest.raises(InputError, match=r"a\.tar\.gz: .*; it is refused$") as refused:
        unpack(archive, place / "out")
    assert "\n" not in str(refused.value)
    assert outside(place) == {"secret": SECRET}
    assert not list((place / "out").rglob("*"))
    (place / "free").mkdir()
    with tarfile.open(archive) as opened:  # the attack is real
        opened.extractall(place / "free", filter="fully_trusted")
    reached = outside(place) != {"secret": SECRET}
    made = [path for path in (place / "free").iterdir() if path.is_symlink() or path.is_fifo()]
    hard = [path for path in (place / "free").iterdir() if path.lstat().st_nlink > 1]
    assert reached or made or hard


def test_attacks_by_zip_are_refused(place):
    for name in ("../../owned", f"{place.parent}/owned", "d/../../../owned"):
        with zipfile.ZipFile(place / "a.zip", "w") as archive:
            archive.writestr(name, CONTENT)
        with pytest.raises(InputError, match=r"leads out of the folder: .*; it is refused$"):
            unpack(place / "a.zip", place / "out")
        assert outside(place) == {"secret": SECRET}


def test_links_within_an_archive_become_copies(place):
    archive = pack(
        place,
        ("top/a.wav", tarfile.REGTYPE, CONTENT),
        ("top/d/hard.wav", tarfile.LNKTYPE, "top/a.wav"),
        ("top/d/soft.wav", tarfile.SYMTYPE, "../a.wav"),
        ("top/e", tarfile.DIRTYPE, ""),
    )
    assert unpack(archive, place / "out", strip=1) == 3
    found = {str(p.relative_to(place / "out")): p for p in (place / "out").rglob("*.wav")}
    assert {name: path.read_bytes() for name, path in found.items()} == {
        "a.wav": CONTENT,
        "d/hard.wav": CONTENT,
        "d/soft.wav": CONTENT,
    }
    assert not any(path.is_symlink() or path.stat().st_nlink > 1 for path in found.values())


def test_more_than_the_disk_holds_is_refused_before_it_is_written(place):
    archive = place / "a.tar"
    member = tarfile.TarInfo("big.wav")
    member.size = 1 << 60
    archive.write_bytes(member.tobuf() + bytes(4096))
    with pytest.raises(InputError, match=r"'big\.wav' has 11529215.*GB, but the disk only"):
        unpack(archive, place / "out")


@pytest.mark.parametrize("name", ["a.tar.gz", "a.zip"])
def test_damaged_archives_are_told_from_refused_ones(repository, place, name):
    command = [repository / "utils/unpack.py", place / name, place / "out"]
    if name == "a.zip":
        with zipfile.ZipFile(place / name, "w") as archive:
            archive.writestr("a.wav", CONTENT * 100)
        refused = "../owned"
        with zipfile.ZipFile(place / "b.zip", "w") as archive:
            archive.writestr(refused, CONTENT)
        other = place / "b.zip"
    else:
        pack(place, ("../owned", tarfile.REGTYPE, CONTENT)).rename(place / "b.tar.gz")
        pack(place, ("a.wav", tarfile.REGTYPE, bytes(range(256)) * 100))
        other = place / "b.tar.gz"
    whole = (place / name).read_bytes()
    assert subprocess.run(command).returncode == 0
    (place / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DamagedArchiveError, match=r": damaged: "):
        unpack(place / name, place / "out")
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    command[1] = other
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
