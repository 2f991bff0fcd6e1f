"""The backend that people may copy makes clips for the provider `custom`."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.custom_provider.backend import Backend, serve
from render_service.db.database import Database
from render_service.domain.job import ProviderName
from tests.fakes.custom import KEY
from tests.generation_bench import open_bench, spec_of


@pytest.fixture
def backend_url(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "clips"
    folder.mkdir()
    backend = Backend(folder)
    server = serve(backend, 0, KEY)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()
    backend.close()


async def test_it_makes_the_clips_of_a_render(database: Database, tmp_path: Path, backend_url: str) -> None:
    async with open_bench(database, tmp_path, {ProviderName.CUSTOM: backend_url}) as bench:
        made = await bench.run(ProviderName.CUSTOM, spec_of("a harbour at dawn", "boats", seconds=1))
        assert set(made.clips) == {"s1", "s2"}
        assert made.raw_results is not None
        for clip in made.raw_results.extra["clips"]:
            assert (clip["width"], clip["height"]) == (1280, 720)
            assert clip["seconds"] == pytest.approx(1.0, abs=0.01)
