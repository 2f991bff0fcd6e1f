"""Chromium that opens one page, and returns what the page reports."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--mute-audio", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-quic", "--disable-dev-shm-usage"),
    "--autoplay-policy=no-user-gesture-required",
)
_HANG_SECONDS = 60


def report_of(files: Mapping[str, bytes], folder: Path) -> Any:
    """Open `/index.html` in Chromium; return the JSON that the page posts to `/report`.

    Args:
        files: What the page's origin serves, by path.
        folder: An empty folder for the browser's files.
    """
    program = shutil.which("chromium") or shutil.which("google-chrome")
    assert program is not None, "install chromium"
    reports: Queue[bytes] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = files.get(self.path.partition("?")[0])
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Type", "text/html" if self.path.endswith(".html") else "text/javascript")
            self.end_headers()
            self.wfile.write(content or b"")

        def do_POST(self) -> None:
            reports.put(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named so by the base class
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/index.html"
    browser = subprocess.Popen(
        [program, *_FLAGS, f"--user-data-dir={folder}", address], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        return json.loads(reports.get(timeout=_HANG_SECONDS))
    finally:
        browser.kill()
        browser.wait()
        server.shutdown()
        server.server_close()
