"""`render-service dev` that is killed without warning takes everything with it."""

from pathlib import Path

from tests.e2e.test_dev import Dev
from tests.parent import left


async def test_nothing_of_a_killed_dev_keeps_running(tmp_path: Path) -> None:
    dev = Dev(tmp_path / "data")
    assert len(dev.family) >= 4, "Postgres, Valkey, a server and a worker"
    dev.close()
    assert not await left(dev.family)
