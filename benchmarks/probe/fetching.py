"""Attacks by URLs, on the fetcher of a worker: servers that drip headers, and names that are never answered."""

import asyncio
import socket
import tempfile
import time
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.probe.system import Verdict, timed
from render_service.fetch.fetcher import Fetcher
from render_service.fetch.policy import FetchPolicy
from tests.integration.fetch.web import answer, serve

# The service itself never fetches from loopback, so these run its fetcher with that network allowed.
_POLICY = FetchPolicy(allow_http=True, allowed_networks=(IPv4Network("127.0.0.0/8"),))
_LIMIT = 2.0
_NAME_SECONDS = 5.0


async def header_drip(verdict: Verdict) -> None:
    """13 jobs of 8 URLs whose headers drip, each cancelled; the victim fetches 8 files meanwhile and after."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nX-Drip: ")
            while not reader.at_eof():
                writer.write(b"a")
                await writer.drain()
                await asyncio.sleep(0.05)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        urls = [[f"http://127.0.0.1:{port}/{job}/{number}" for number in range(8)] for job in range(13)]
        await _attack(verdict, "header drip", Fetcher(_POLICY), urls)


async def slow_names(verdict: Verdict) -> None:
    """400 names whose name server does not answer; the victim fetches by a name that is answered."""
    real = socket.getaddrinfo

    def silent(host: str, *arguments: Any, **options: Any) -> Any:
        if host.endswith(".silent"):
            time.sleep(_NAME_SECONDS)
            raise socket.gaierror(socket.EAI_AGAIN, "no name server answered")
        return real(host, *arguments, **options)

    urls = [[f"http://name-{job}-{number}.silent/" for number in range(8)] for job in range(50)]
    with mock.patch.object(socket, "getaddrinfo", silent):
        await _attack(verdict, "slow names", Fetcher(_POLICY), urls, host="localhost")


async def _attack(
    verdict: Verdict, name: str, fetcher: Fetcher, jobs: list[list[str]], host: str | None = None
) -> None:
    with tempfile.TemporaryDirectory(prefix="probe-") as folder:
        async with serve() as web:
            web.answers["/a"] = answer(b"film")

            def victim() -> Awaitable[None]:
                return _job(fetcher, "victim", [web.url("/a", host)] * 8, Path(folder))

            attack = [asyncio.create_task(_job(fetcher, "attacker", urls, Path(folder))) for urls in jobs]
            await asyncio.sleep(1)
            during = await _bounded(victim)
            for task in attack:
                task.cancel()
            await asyncio.gather(*attack, return_exceptions=True)
            after = await _bounded(victim)
    verdict.check(f"{name}: the victim's 8 files during the attack take", during, _LIMIT, "s")
    verdict.check(f"{name}: the victim's 8 files after its jobs are cancelled take", after, _LIMIT, "s")


async def _bounded(work: Callable[[], Awaitable[None]]) -> float:
    async with asyncio.timeout(15):
        return await timed(work())


async def _job(fetcher: Fetcher, workspace: str, urls: list[str], folder: Path) -> None:
    with fetcher.session(workspace) as session:
        await asyncio.gather(*(session.fetch(url, folder / str(number)) for number, url in enumerate(urls)))
