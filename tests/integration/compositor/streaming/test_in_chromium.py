"""The stream in a browser: Chromium plays it with hls.js from a real S3, by one pre-signed URL."""

import asyncio
import json
from pathlib import Path

import pytest

from render_service.domain.jobs.job import Video
from render_service.storage.store import ObjectStore
from tests.integration.compositor.streaming.browser import report_of
from tests.integration.compositor.streaming.conftest import hls, signed

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.long]

PAGE = Path(__file__).with_name("player.html")
LIBRARY = Path(__file__).parents[4] / "clients/typescript/node_modules/hls.js/dist/hls.min.js"


async def test_chromium_plays_switches_and_seeks(store: ObjectStore, video: Video, tmp_path: Path) -> None:
    url, _ = await signed(store, hls(video))
    page = f"<script>const STREAM = {json.dumps(url)};</script>\n{PAGE.read_text()}"
    files = {"/index.html": page.encode(), "/hls.js": LIBRARY.read_bytes()}
    seen = await asyncio.to_thread(report_of, files, tmp_path)
    assert seen["errors"] == []
    assert len(seen["levels"]) == 2
    assert seen["audio"] == [""]
    assert seen["subtitles"] == 1
    assert seen["start"] == pytest.approx(0, abs=0.05)
    assert seen["seeked"] == pytest.approx(3.2, abs=0.1)
    assert len(set(seen["sizes"])) == 2
    assert seen["duration"] == pytest.approx(video.frames / 24, abs=0.05)
    assert seen["end"] == pytest.approx(video.frames / 24, abs=0.1)
    assert len(seen["cues"]) >= 2
