"""What the tests of the compositor share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from render_service.compositor.compositor import Compositor
from tests.integration.compositor.storyboards import FolderStore


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def compositor() -> AsyncIterator[Compositor]:
    """A compositor with two processes, for all tests of this process: starting one takes a second of processor time."""
    made = Compositor(processes=2)
    await made.start()
    yield made
    await made.close()


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    """An empty segment store."""
    folder = tmp_path / "store"
    folder.mkdir()
    return FolderStore(folder)
