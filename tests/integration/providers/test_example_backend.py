"""The backend that people may copy makes clips for the provider `custom`."""

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from standardwebhooks.webhooks import Webhook

from examples.custom_provider.backend import Backend, serve
from render_service.db.database import Database
from render_service.domain.jobs.job import ProviderName
from tests.fakes.custom import KEY, SECRET
from tests.generation_bench import open_bench, spec_of


@pytest.fixture
def backend_url(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "clips"
    folder.mkdir()
    backend = Backend(folder, SECRET)
    server = serve(backend, 0, KEY)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()
    backend.close()


class Heard(BaseHTTPRequestHandler):
    """Notes what is posted to it."""

    posts: ClassVar[list[tuple[str, dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.posts.append((self.path, dict(self.headers.items()), body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class has
        """Keep quiet."""


@pytest.fixture
def callbacks_url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Heard)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


async def test_it_calls_back_as_the_contract_says(
    database: Database, tmp_path: Path, backend_url: str, callbacks_url: str
) -> None:
    urls = {ProviderName.CUSTOM: backend_url}
    async with open_bench(database, tmp_path, urls, callbacks=callbacks_url) as bench:
        await bench.run(ProviderName.CUSTOM, spec_of("a harbour at dawn", seconds=1))
        async with asyncio.timeout(60):
            while not Heard.posts:
                await asyncio.sleep(0.02)
    ((path, headers, body),) = Heard.posts
    assert path.startswith("/custom/")
    Webhook(SECRET).verify(body, {name.lower(): value for name, value in headers.items()})


async def test_it_makes_the_clips_of_a_render(database: Database, tmp_path: Path, backend_url: str) -> None:
    async with open_bench(database, tmp_path, {ProviderName.CUSTOM: backend_url}) as bench:
        made = await bench.run(ProviderName.CUSTOM, spec_of("a harbour at dawn", "boats", seconds=1))
        assert set(made.clips) == {"s1", "s2"}
        assert made.raw_results is not None
        for clip in made.raw_results.extra["clips"]:
            assert (clip["width"], clip["height"]) == (1280, 720)
            assert clip["seconds"] == pytest.approx(1.0, abs=0.01)
