"""Names are looked up one beside the other: name servers that do not answer hold up nobody."""

import asyncio
import socket
import threading
import time
from typing import Any

import pytest

from render_service.webhooks.resolver import look_up


async def test_a_name_is_looked_up_as_the_operating_system_does() -> None:
    assert set(await look_up("localhost", 443)) <= {"127.0.0.1", "::1"}
    with pytest.raises(OSError, match=r"."):
        await look_up("no-such-host.invalid", 443)
    with pytest.raises((OSError, UnicodeError)):
        await look_up("x" * 300, 443)


async def test_names_that_are_not_answered_hold_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    answered, asked = threading.Event(), socket.getaddrinfo

    def slow(host: str, port: int, **options: Any) -> Any:
        if host == "slow.example":
            answered.wait(30)
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return asked(host, port, **options)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    waiting = [asyncio.create_task(look_up("slow.example", 443)) for _ in range(100)]
    await asyncio.sleep(0.1)
    began = time.monotonic()
    assert await look_up("127.0.0.1", 443) == ["127.0.0.1"]
    assert time.monotonic() - began < 1
    for task in waiting[:50]:
        task.cancel()
    answered.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert sum(isinstance(result, asyncio.CancelledError) for result in results) == 50
    assert sum(isinstance(result, socket.gaierror) for result in results) == 50
