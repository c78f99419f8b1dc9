"""Models are fetched by name, checked and kept; a wrong or partial file is never used."""

import errno
import hashlib
import io
import os
import threading

import pytest

from asda.files import InputError
from asda.registry.downloads import part_of
from asda.registry.known_models import KnownModel, add_model
from asda.registry.model_cache import cache_folder, cached_file, fetch, local_file

CONTENT = bytes(range(256)) * 64
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def published(server, name="mine", content=CONTENT, **facts):
    """Publish a file and add it to the user's list; return its entry."""
    (server.folder / f"{name}.pt").write_bytes(content)
    model = KnownModel(name, address=f"{server.url}/{name}.pt", **facts)
    add_model(model)
    return model


def part(model):
    target = cached_file(model)
    target.parent.mkdir(parents=True, exist_ok=True)
    return part_of(target.with_name(f"{target.name}.arriving"))


def test_a_name_becomes_a_file_that_is_fetched_once(server, capsys):
    published(server, sha256=SHA256)
    path = local_file("mine")
    assert path.read_bytes() == CONTENT
    assert path.name == "mine.pt" and path.is_relative_to(cache_folder())
    assert f"fetching mine (unknown size, licence: not stated) from {server.url}/mine.pt" in (
        capsys.readouterr().err
    )
    server.shutdown()  # offline from here
    assert local_file("mine") == path
    assert server.requested == [("mine.pt", None)]
    assert capsys.readouterr().err == ""


def test_a_file_of_that_name_takes_precedence(server, tmp_path):
    published(server)
    (tmp_path / "mine").write_bytes(b"of the user")
    assert local_file("mine").read_bytes() == b"of the user"
    assert server.requested == []


@pytest.mark.parametrize("path", ["model.pt", "exp/finetune", "none", "./mine"])
def test_what_is_no_name_stays_a_path(server, path):
    published(server)
    assert str(local_file(path)) == os.path.normpath(path)
    assert server.requested == []


def test_an_unknown_name_is_refused_with_the_nearest(server):
    with pytest.raises(InputError) as refused:
        local_file("sslam-bse")
    assert str(refused.value) == (
        "sslam-bse: no such file, and no model has this name, did you mean sslam-base?"
        " (`asda models` lists them)"
    )


def test_a_download_goes_on_where_an_earlier_one_ended(server):
    model = published(server, sha256=SHA256)
    part(model).write_bytes(CONTENT[:1000])
    assert fetch(model).read_bytes() == CONTENT
    assert server.requested == [("mine.pt", "bytes=1000-")]


def test_a_part_of_another_file_is_dropped(server):
    model = published(server, sha256=SHA256)
    part(model).write_bytes(b"0" * 1000)
    assert fetch(model).read_bytes() == CONTENT
    assert server.requested == [("mine.pt", "bytes=1000-"), ("mine.pt", None)]


def test_a_part_that_no_checksum_can_vouch_for_is_dropped(server, capsys):
    model = published(server)
    part(model).write_bytes(CONTENT[:1000])
    assert fetch(model).read_bytes() == CONTENT
    assert server.requested == [("mine.pt", None)]
    assert f"no checksum is known to compare with; it has the sha256 {SHA256}" in (
        capsys.readouterr().err
    )


def test_a_cut_connection_leaves_a_part_and_no_file(server):
    model = published(server, sha256=SHA256)
    server.cut = 5000
    with pytest.raises(InputError, match="the connection ended after 5000 of 16384 bytes"):
        fetch(model)
    assert not cached_file(model).exists()
    assert part(model).read_bytes() == CONTENT[:5000]
    server.cut = None
    assert fetch(model).read_bytes() == CONTENT
    assert server.requested[-1] == ("mine.pt", "bytes=5000-")


def test_a_wrong_checksum_is_refused_and_nothing_is_kept(server):
    model = published(server, sha256="0" * 64)
    with pytest.raises(InputError) as refused:
        fetch(model)
    assert str(refused.value) == (
        f"mine: the file of {model.address} has the sha256 {SHA256}, expected {'0' * 64}; look at"
        " the page for a change, and register what you trust: asda models add mine"
        f" {model.address} --sha256 SUM"
    )
    assert [path.name for path in cached_file(model).parent.iterdir()] == ["mine.pt.lock"]


@pytest.mark.parametrize(("size", "fits"), [(0.0163, True), (0.0150, False), (0.0180, False)])
def test_without_a_checksum_the_size_must_be_about_right(server, size, fits):
    model = published(server, megabytes=size)
    if fits:
        assert fetch(model).stat().st_size == len(CONTENT)
        return
    with pytest.raises(InputError, match=f"has 16,384 bytes, expected about {size:.0f} MB;"):
        fetch(model)
    assert not cached_file(model).exists()


def test_a_server_that_is_away_is_one_line_with_what_to_do(server):
    model = published(server, sha256=SHA256)
    server.shutdown()
    server.server_close()
    with pytest.raises(InputError) as refused:
        local_file("mine")
    assert str(refused.value) == (
        f"mine: not in the cache {cache_folder()}, and {model.address} cannot be fetched"
        " (Connection refused); where there is a network, run `asda models fetch mine` with this"
        " cache, or register a copy: asda models add mine FILE"
    )


def test_a_full_disk_is_said_at_once_with_the_file(server, monkeypatch):
    model = published(server)

    class Full(io.BytesIO):
        def write(self, block):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("asda.registry.downloads.open", lambda *_: Full(), raising=False)
    with pytest.raises(OSError, match="No space left") as failed:
        fetch(model)
    assert failed.value.filename == str(part(model))
    assert not cached_file(model).exists() and len(server.requested) == 1


def test_a_file_that_the_server_lacks_is_asked_for_once(server):
    model = published(server)
    (server.folder / "mine.pt").unlink()
    with pytest.raises(InputError, match=r"cannot be fetched \(the server answers 404 Not Found\)"):
        fetch(model)
    assert len(server.requested) == 1


def test_a_changed_entry_is_fetched_anew(server):
    model = published(server)
    first = fetch(model)
    model.sha256 = SHA256
    assert fetch(model) != first
    assert len(server.requested) == 2


def test_processes_that_ask_together_fetch_one_file(server):
    model = published(server, sha256=SHA256)
    found = []
    threads = [threading.Thread(target=lambda: found.append(fetch(model))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and len(set(found)) == 1
    assert len(server.requested) == 1


def test_a_model_that_only_a_browser_gets_names_its_page():
    with pytest.raises(
        InputError, match=r"visit https://drive\.google\.com/\S+ and.* asda models "
    ):
        local_file("eat-base-whole")
