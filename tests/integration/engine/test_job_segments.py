"""Cached segments are found by jobs of the workspace that they were rendered for, and by no other."""

from collections.abc import Collection
from pathlib import Path

from render_service.engine.job_segments import JobSegments
from render_service.storage.store import ObjectStore


async def _record(_: Collection[str]) -> None:
    return


async def test_no_workspace_finds_out_what_another_one_has_rendered(tmp_path: Path) -> None:
    store = ObjectStore((tmp_path / "objects").as_uri())
    key, rendered, found = "ab" * 32, tmp_path / "rendered", tmp_path / "found"
    rendered.write_bytes(b"segment")
    await JobSegments(store, "victim", _record).put(key, rendered)
    assert not await JobSegments(store, "attacker", _record).get(key, found)
    assert not found.exists()
    assert await JobSegments(store, "victim", _record).get(key, found)
    assert found.read_bytes() == b"segment"
