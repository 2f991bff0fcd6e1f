"""A server process for fuzzing: real stores, no worker, everybody let in."""

import asyncio
import tempfile
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from render_service.db.migrate import upgrade
from render_service.embedded.stack import Stack


@asynccontextmanager
async def server_alone() -> AsyncIterator[Stack]:
    """Lend a stack of which only the stores and the server run."""
    with tempfile.TemporaryDirectory(prefix="render-") as folder:
        settings = {
            "RENDER_AUTH": "off",
            "VIDEO_GENERATION_PROVIDER": "mock",
            "RENDER_WEBHOOK_KEYS": b64encode(bytes(32)).decode(),
        }
        stack = Stack(Path(folder), environment=settings, durable=False)
        try:
            await stack.start_stores()
            await asyncio.to_thread(upgrade, stack.postgres.url)
            await stack.start_server()
            yield stack
        finally:
            await stack.stop()
