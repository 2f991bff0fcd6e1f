"""Name servers that do not answer delay nobody but the workspace that asked for their names."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from unittest import mock

import pytest

from render_service.fetch import resolver as resolver_module
from render_service.fetch.resolver import SystemResolver


class NameServers:
    """Replaces the operating system's resolver: names below `dead.example` wait until `release`."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.waiting = self.most_waiting = 0
        self._released = threading.Event()
        self._lock = threading.Lock()
        self._system = socket.getaddrinfo

    def release(self) -> None:
        self._released.set()

    def __call__(self, host: str, port: int, **options: Any) -> Any:
        self.asked.append(host)
        if host.endswith("dead.example"):
            with self._lock:
                self.waiting += 1
                self.most_waiting = max(self.most_waiting, self.waiting)
            self._released.wait(30)
            with self._lock:
                self.waiting -= 1
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        if host == "absent.example":
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return self._system("127.0.0.1", port, **options)


@pytest.fixture
def name_servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServers]:
    servers = NameServers()
    monkeypatch.setattr(socket, "getaddrinfo", servers)
    yield servers
    servers.release()


async def test_names_are_resolved_as_the_operating_system_does() -> None:
    resolver = SystemResolver()
    assert set(await resolver("localhost", 443, "team")) <= {"127.0.0.1", "::1"}
    with pytest.raises(OSError, match=r"."):
        await resolver("no-such-host.invalid", 443, "team")
    with pytest.raises((OSError, UnicodeError)):
        await resolver("x" * 300, 443, "team")


async def test_four_hundred_names_that_are_never_answered_delay_no_other_workspace(name_servers: NameServers) -> None:
    resolver = SystemResolver(lookups_per_workspace=8)
    before = threading.active_count()
    attack = [asyncio.create_task(resolver(f"{number}.dead.example", 443, "attacker")) for number in range(400)]
    await asyncio.sleep(0.2)
    assert threading.active_count() - before <= 8

    began = time.monotonic()
    for number in range(20):
        assert await resolver(f"{number}.example", 443, "victim") == ("127.0.0.1",)
    assert await asyncio.to_thread(lambda: 1) == 1, "the event loop's own threads are free"
    assert time.monotonic() - began < 30

    # Cancelled jobs give nothing back before their threads end: their workspace gets no more of them by starting anew.
    for task in attack[:200]:
        task.cancel()
    more = [asyncio.create_task(resolver(f"more-{number}.dead.example", 443, "attacker")) for number in range(50)]
    await asyncio.sleep(0.2)
    assert name_servers.most_waiting == 8
    assert await resolver("again.example", 443, "victim") == ("127.0.0.1",)

    name_servers.release()
    results = await asyncio.gather(*attack, *more, return_exceptions=True)
    assert sum(isinstance(result, asyncio.CancelledError) for result in results) == 200
    assert sum(isinstance(result, socket.gaierror) for result in results) == 250


async def test_answers_and_failures_are_cached_for_their_time(
    name_servers: NameServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(resolver_module, "time", mock.Mock(monotonic=lambda: now))
    resolver = SystemResolver(fresh_seconds=30, failure_seconds=5)
    for _ in range(3):
        assert await resolver("films.example", 443, "team") == ("127.0.0.1",)
        with pytest.raises(socket.gaierror) as raised:
            await resolver("absent.example", 443, "team")
        assert raised.value.errno == socket.EAI_NONAME
    assert name_servers.asked == ["films.example", "absent.example"]
    for seconds, asked in ((6, "absent.example"), (25, "films.example")):
        now += seconds
        await resolver("films.example", 443, "team")
        with suppress(socket.gaierror):
            await resolver("absent.example", 443, "team")
        assert asked in name_servers.asked[2:]
    assert name_servers.asked[2:] == ["absent.example", "films.example", "absent.example"]


async def test_one_name_asked_for_at_once_is_looked_up_by_few(name_servers: NameServers) -> None:
    resolver = SystemResolver(lookups_per_workspace=2)
    await asyncio.gather(*(resolver("films.example", 443, "team") for _ in range(50)))
    assert len(name_servers.asked) <= 2
