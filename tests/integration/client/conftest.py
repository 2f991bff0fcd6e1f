"""The real service with keys, for clients to call; its server may be killed and started again."""

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from render_service.embedded.session import WORKSPACE, key_of
from render_service.embedded.stack import Stack


@dataclass(frozen=True)
class Service:
    """A running service, and what a caller needs to know of it.

    Attributes:
        stack: Its processes.
        token: An API key for the workspace.
        workspace: The workspace.
        files: Folder that assets may be read from.
    """

    stack: Stack
    token: str
    workspace: str
    files: Path

    @property
    def target(self) -> str:
        """Where the server listens."""
        return self.stack.target

    def restart_server(self) -> None:
        """Start the server again after it was killed."""
        asyncio.run(self.stack.start_server())


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """A service of the module's own, with keys."""
    with tempfile.TemporaryDirectory(prefix="render-") as folder:
        files = Path(folder) / "files"
        files.mkdir()
        environment = {
            "RENDER_FILE_ROOTS": str(files),
            "RENDER_MOCK_DELAY": "0.2",
            "RENDER_HEARTBEAT_SECONDS": "0.5",
            "RENDER_COMPOSE_PROCESSES": "1",
        }
        stack = Stack(Path(folder) / "data", environment=environment, durable=False)

        async def start() -> str:
            await stack.start()
            return await key_of(stack)

        yield Service(stack, asyncio.run(start()), WORKSPACE, files)
        asyncio.run(stack.stop())


@pytest.fixture(scope="module")
def noise_picture(service: Service) -> Path:
    """A picture that no encoder can make small, so that its video is large."""
    path = service.files / "noise.png"
    pixels = np.random.default_rng(7).integers(0, 256, (1080, 1920, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, compress_level=1)
    return path
