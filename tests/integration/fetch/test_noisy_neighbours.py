"""A workspace whose URLs are slow, hostile or many takes nothing from the fetches of another."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from render_service.fetch.errors import FetchError, FetchErrorKind
from render_service.fetch.fetcher import Fetcher
from render_service.fetch.limits import FetchLimits
from render_service.fetch.policy import FetchPolicy
from tests.integration.fetch.web import answer, redirect, serve

POLICY = FetchPolicy(allow_http=True, allowed_networks=(IPv4Network("127.0.0.0/8"),))
KIB = 1024


class DrippingServer:
    """Sends response headers a byte at a time, for ever, and counts the connections that are open."""

    def __init__(self) -> None:
        self.port = 0
        self.open_now = self.most_open = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open_now += 1
        self.most_open = max(self.most_open, self.open_now)
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
            self.open_now -= 1
            writer.close()

    async def until_open(self, number: int, *, seconds: float) -> None:
        async with asyncio.timeout(seconds):
            while self.open_now != number:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def dripping() -> AsyncIterator[DrippingServer]:
    server = DrippingServer()
    async with await asyncio.start_server(server.talk, "127.0.0.1", 0) as listening:
        server.port = listening.sockets[0].getsockname()[1]
        yield server


async def job(fetcher: Fetcher, workspace_id: str, urls: list[str], folder: Path) -> None:
    """Fetch the assets of a job, as an attempt does: all at once, and none goes on when it is cancelled."""
    with fetcher.session(workspace_id) as session:
        await asyncio.gather(*(session.fetch(url, folder / str(number)) for number, url in enumerate(urls)))


async def test_cancelled_jobs_close_their_connections_and_others_fetch_at_once(tmp_path: Path) -> None:
    fetcher = Fetcher(POLICY)
    async with dripping() as hostile, serve() as web:
        web.answers["/a"] = answer(b"film")
        urls = [f"http://127.0.0.1:{hostile.port}/{number}" for number in range(8)]
        attack: list[asyncio.Task[None]] = []
        for _ in range(13):
            attack.append(asyncio.create_task(job(fetcher, "attacker", urls, tmp_path)))
            await asyncio.sleep(0.02)
        await hostile.until_open(FetchLimits().workspace_fetches, seconds=30)

        async def victim() -> None:
            started = time.monotonic()
            await job(fetcher, "victim", [web.url("/a")] * 8, tmp_path)
            assert time.monotonic() - started < 20

        await victim()
        for task in attack:
            task.cancel()
        await asyncio.gather(*attack, return_exceptions=True)
        await hostile.until_open(0, seconds=30)
        await victim()
        assert hostile.most_open <= FetchLimits().workspace_fetches
        # The attacker's own share is free again, too.
        await job(fetcher, "attacker", [web.url("/a")] * 8, tmp_path)
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]


@pytest.mark.parametrize("moments", [range(40), range(40, 80)])
async def test_a_fetch_cancelled_at_any_moment_leaves_no_connection(moments: range, tmp_path: Path) -> None:
    fetcher = Fetcher(POLICY, limits=FetchLimits(workspace_fetches=3))
    async with dripping() as hostile, serve() as web:
        web.answers["/a"] = answer(b"x" * 100_000)
        web.answers["/b"] = redirect(f"http://127.0.0.1:{hostile.port}/")
        for moment in moments:
            tasks = [asyncio.create_task(job(fetcher, "team", [web.url("/b")], tmp_path)) for _ in range(3)]
            await asyncio.sleep(moment * 0.0002)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            async with asyncio.timeout(60):
                await job(fetcher, "team", [web.url("/a")], tmp_path)
        await hostile.until_open(0, seconds=30)


async def test_headers_that_drip_end_by_the_deadline_and_are_not_retried(tmp_path: Path) -> None:
    policy = FetchPolicy(
        allow_http=True,
        allowed_networks=POLICY.allowed_networks,
        response_timeout=timedelta(seconds=0.5),
    )
    async with dripping() as hostile:
        with pytest.raises(FetchError) as raised, Fetcher(policy).session("team") as session:
            await session.fetch(f"http://127.0.0.1:{hostile.port}/", tmp_path / "file")
        assert (raised.value.kind, raised.value.retryable) == (FetchErrorKind.TIMED_OUT, False)
        assert raised.value.message == "127.0.0.1 took longer than the 0.5 s allowed"
        await hostile.until_open(0, seconds=30)


async def test_the_files_of_a_job_are_limited_together(tmp_path: Path) -> None:
    fetcher = Fetcher(POLICY, limits=FetchLimits(job_bytes=10 * KIB))
    async with serve() as web:
        web.answers["/a"] = answer(bytes(4 * KIB))
        with fetcher.session("team") as session:
            for number in range(2):
                await session.fetch(web.url("/a"), tmp_path / str(number))
            with pytest.raises(FetchError, match="10,240 bytes") as raised:
                await session.fetch(web.url("/a"), tmp_path / "2")
            assert (raised.value.kind, raised.value.retryable) == (FetchErrorKind.TOO_LARGE, False)
        with fetcher.session("team") as session:
            await session.fetch(web.url("/a"), tmp_path / "next-job")


async def test_the_scratch_of_a_workspace_is_limited_over_its_jobs_until_they_end(tmp_path: Path) -> None:
    fetcher = Fetcher(POLICY, limits=FetchLimits(workspace_bytes=10 * KIB))
    async with serve() as web:
        web.answers["/a"] = answer(bytes(8 * KIB))
        web.answers["/broken"] = answer(bytes(8 * KIB), length=9 * KIB)
        with fetcher.session("team") as first:
            with pytest.raises(FetchError, match="before the end of the file"):
                await first.fetch(web.url("/broken"), tmp_path / "0")  # whose file is gone, and counts no more
            await first.fetch(web.url("/a"), tmp_path / "1")
            with fetcher.session("team") as second:
                with pytest.raises(FetchError) as raised:
                    await second.fetch(web.url("/a"), tmp_path / "2")
                assert (raised.value.kind, raised.value.retryable) == (FetchErrorKind.BUSY, True)
            with fetcher.session("others") as other:
                await other.fetch(web.url("/a"), tmp_path / "3")
        with fetcher.session("team") as third:
            await third.fetch(web.url("/a"), tmp_path / "4")


async def test_the_time_that_a_job_fetches_is_limited(tmp_path: Path) -> None:
    fetcher = Fetcher(POLICY, limits=FetchLimits(job_time=timedelta(seconds=0.2)))
    async with serve() as web:
        web.answers["/slow"] = [0.3, *answer(b"film")]
        with fetcher.session("team") as session:
            await session.fetch(web.url("/slow"), tmp_path / "0")
            with pytest.raises(FetchError, match=r"0\.2 s together") as raised:
                await session.fetch(web.url("/slow"), tmp_path / "1")
    assert (raised.value.kind, raised.value.retryable) == (FetchErrorKind.TIMED_OUT, False)
