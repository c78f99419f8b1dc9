"""A server of archives on this machine, whose connection can break."""

import hashlib
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        file = self.server.folder / self.path.split("?")[0].lstrip("/")
        wanted = self.headers.get("Range")
        self.server.requested.append((file.name, wanted))
        content = file.read_bytes() if file.is_file() else b""
        start = int(wanted[6:-1]) if wanted else 0
        self.send_response((206 if start else 200) if content else 404)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start : self.server.cut])

    def log_message(self, *args):
        pass


@contextmanager
def serve(folder: Path):
    """Serve a folder; `cut` of the server ends answers at that byte, `requested` notes them."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.folder, server.cut, server.requested = folder, None, []
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def pack(folder: Path, archive: Path) -> str:
    """Pack the content of a folder as ./NAME..., as official archives are; return the SHA-256."""
    subprocess.run(["tar", "-czf", archive, "-C", folder, "."], check=True)
    return hashlib.sha256(archive.read_bytes()).hexdigest()
