"""utils/download.py against a local server that can continue a file, or cannot."""

import hashlib
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

CONTENT = bytes(range(256)) * 64


class Server(HTTPServer):
    """Serves CONTENT; `ranges` says whether it honours Range, `cut` ends the first answer early."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.ranges = True
        self.cut = None
        self.range = None
        self.requested = []


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        wanted = self.headers.get("Range")
        self.server.requested.append(wanted)
        start = int(wanted[6:-1]) if wanted and self.server.ranges else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", self.server.range or f"bytes {start}-")
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        self.wfile.write(CONTENT[start : self.server.cut])
        self.server.cut = None

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    server = Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def download(repository, server, target, *words):
    url = f"http://127.0.0.1:{server.server_port}/file"
    return subprocess.run(
        [repository / "utils/download.py", url, target, *words],
        capture_output=True,
        text=True,
        timeout=30,
    )


@pytest.mark.parametrize("ranges", [True, False])
def test_goes_on_where_a_part_ends(repository, server, tmp_path, ranges):
    server.ranges = ranges
    (tmp_path / "file.part").write_bytes(CONTENT[:1000])
    assert download(repository, server, tmp_path / "file").returncode == 0
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert server.requested == ["bytes=1000-"]
    assert not (tmp_path / "file.part").exists()


@pytest.mark.slow
def test_a_cut_connection_is_continued(repository, server, tmp_path):
    server.cut = 5000
    assert download(repository, server, tmp_path / "file").returncode == 0
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert server.requested == [None, "bytes=5000-"]


def test_a_file_that_is_there_is_not_fetched_again(repository, server, tmp_path):
    (tmp_path / "file").write_bytes(CONTENT)
    for checksum in (hashlib.sha256(CONTENT).hexdigest(), hashlib.md5(CONTENT).hexdigest()):
        assert download(repository, server, tmp_path / "file", checksum).returncode == 0
    assert server.requested == []


@pytest.mark.parametrize(("kind", "digits"), [("SHA-256", 64), ("MD5", 32)])
def test_a_wrong_checksum_is_an_error(repository, server, tmp_path, kind, digits):
    done = download(repository, server, tmp_path / "file", "0" * digits)
    assert done.returncode == 1
    assert f"has {kind}" in done.stderr


@pytest.mark.slow
def test_another_part_than_was_asked_for_is_not_appended(repository, server, tmp_path):
    (tmp_path / "file.part").write_bytes(CONTENT[:1000])
    server.range = "bytes 0-99/16384"
    done = download(repository, server, tmp_path / "file")
    assert done.returncode == 1
    assert "the server sends bytes 0-99/16384, but was asked for the bytes after" in done.stderr
    assert (tmp_path / "file.part").read_bytes() == CONTENT[:1000]
    assert not (tmp_path / "file").exists()


def test_what_has_no_known_checksum_is_told_with_its_own(repository, server, tmp_path):
    done = download(repository, server, tmp_path / "file")
    assert f"it has the SHA-256 {hashlib.sha256(CONTENT).hexdigest()}\n" in done.stderr
