"""One Postgres and one S3 for all processes of a test run: the first process starts each when a test first asks."""

import asyncio
import json
import socket
import tempfile
import threading
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from render_service.db.migrate import upgrade
from render_service.embedded import EmbeddedPostgres
from render_service.embedded.process import ProcessFailed
from render_service.storage.location import S3Options
from tests.seaweedfs import S3Server, SeaweedFS

TEMPLATE = "render_template"
"""The database with the newest schema, to be copied and never used itself."""
_CONNECTIONS = 400
_START_SECONDS = 180.0


class SharedServers:
    """The servers of a test run, in the process that pytest was started as.

    They run until `stop`, or until this process ends, however it ends: see `EmbeddedServer`. Other processes ask for
    them at a Unix socket, by `shared_postgres` and `shared_s3`.
    """

    def __init__(self) -> None:
        # Its path is short, for the sake of Unix sockets.
        self._folder = tempfile.TemporaryDirectory(prefix="render-")
        self.address = str(Path(self._folder.name) / "socket")
        """Where to ask."""
        self._loop = asyncio.new_event_loop()
        self._starting: dict[str, asyncio.Task[dict[str, Any]]] = {}
        self._stops: list[Callable[[], Awaitable[None]]] = []
        self._thread = threading.Thread(target=self._loop.run_forever, name="shared servers", daemon=True)
        self._thread.start()
        self._listener = asyncio.run_coroutine_threadsafe(
            asyncio.start_unix_server(self._answer, self.address), self._loop
        ).result()

    def stop(self) -> None:
        """Stop all servers, and remove their data."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._folder.cleanup()

    async def _stop(self) -> None:
        self._listener.close()
        await asyncio.gather(*self._starting.values(), return_exceptions=True)
        await asyncio.gather(*(stop() for stop in self._stops))

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name = (await reader.readline()).decode().strip()
        if name not in self._starting:
            start = {"postgres": self._start_postgres, "s3": self._start_s3}[name]
            self._starting[name] = asyncio.create_task(start())
        try:
            answer = await self._starting[name]
        except (ProcessFailed, OSError, psycopg.Error) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        writer.write(json.dumps(answer).encode())
        await writer.drain()
        writer.close()

    async def _start_postgres(self) -> dict[str, Any]:
        folder = Path(self._folder.name) / "postgres"
        server = EmbeddedPostgres(folder, durable=False, max_connections=_CONNECTIONS)
        self._stops.append(server.stop)
        await server.start()
        connection = await psycopg.AsyncConnection.connect(server.url, autocommit=True)
        async with connection:
            await connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
        await asyncio.to_thread(upgrade, server.url_of(TEMPLATE))
        return {"folder": str(folder), "port": server.port}

    async def _start_s3(self) -> dict[str, Any]:
        folder = Path(self._folder.name) / "s3"
        folder.mkdir()
        weed = SeaweedFS(folder)
        self._stops.append(weed.stop)
        await weed.start()
        return asdict(weed.server)


def shared_postgres(address: str) -> EmbeddedPostgres:
    """Return the Postgres that all processes share, which only its owner starts and stops.

    Args:
        address: Of the `SharedServers`.
    """
    found = _ask(address, "postgres")
    return EmbeddedPostgres(Path(found["folder"]), found["port"], durable=False)


def shared_s3(address: str) -> S3Server:
    """Return the S3 that all processes share.

    Args:
        address: Of the `SharedServers`.
    """
    found = _ask(address, "s3")
    return S3Server(S3Options(**found["options"]), found["environment"])


def _ask(address: str, name: str) -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(_START_SECONDS)
        line.connect(address)
        line.sendall(f"{name}\n".encode())
        answer: dict[str, Any] = json.loads(line.makefile().read())
    assert "error" not in answer, f"the shared {name} did not start: {answer['error']}"
    return answer
