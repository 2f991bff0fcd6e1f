"""Refused calls are recorded within limits, so that callers without credentials cannot fill a disk."""

import asyncio
import itertools
import time
from collections.abc import Sequence
from uuid import uuid4

import pytest
import structlog

from render_service.db.database import DatabaseUnavailable
from render_service.domain.access.audit import AuditEntry, Origin
from render_service.domain.errors import ErrorReason
from render_service.server.interceptors import refusals
from render_service.server.interceptors.refusals import (
    MAX_PER_SOURCE,
    MAX_PER_WINDOW,
    WINDOW_SECONDS,
    RefusalRecorder,
    address_of,
)
from render_service.telemetry.logging import get_logger


class _Log:
    """Keeps entries in memory, unless the database is away."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []
        self.away = False
        self.answers = asyncio.Event()
        self.answers.set()

    async def record_entries(self, entries: Sequence[AuditEntry]) -> None:
        if self.away:
            raise DatabaseUnavailable
        self.entries += entries
        await self.answers.wait()


@pytest.fixture
def log() -> _Log:
    return _Log()


@pytest.fixture(autouse=True)
def _own_logger(monkeypatch: pytest.MonkeyPatch) -> None:
    # One that was used before may keep the configuration of that time, which no test captures.
    monkeypatch.setattr(refusals, "_log", get_logger("refusals"))


@pytest.fixture
def recorder(log: _Log) -> RefusalRecorder:
    return RefusalRecorder(log)  # type: ignore[arg-type]


def _refuse(recorder: RefusalRecorder, peer: str, *, workspace: str = "", origin: Origin | None = None) -> None:
    recorder.record(
        ErrorReason.CREDENTIALS_INVALID,
        method="/render.v1.RenderService/GetJob",
        workspace_id=workspace,
        peer=peer,
        origin=origin,
        request_id=uuid4(),
    )


async def test_one_source_leaves_a_bounded_number_of_lines_and_entries(recorder: RefusalRecorder, log: _Log) -> None:
    key = Origin("key:1", "backend", "ipv4:10.0.0.1:1", uuid4())
    with structlog.testing.capture_logs() as lines:
        for number in range(500):
            _refuse(recorder, f"ipv4:10.0.0.1:{number}", workspace=f"team-{number}")
            _refuse(recorder, f"ipv6:%5B2001:db8::{number:x}%5D:1", workspace=f"team-{number}")
            _refuse(recorder, f"ipv4:10.0.1.{number % 256}:1", workspace=f"team-{number}", origin=key)
    await recorder.close()
    assert len(log.entries) == len(lines) == 3 * MAX_PER_SOURCE


async def test_many_sources_leave_a_bounded_number_until_the_next_window(
    recorder: RefusalRecorder, log: _Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    peers = (f"ipv4:10.{a}.{b}.1:1" for a, b in itertools.product(range(256), repeat=2))
    for peer in itertools.islice(peers, 2 * MAX_PER_WINDOW):
        _refuse(recorder, peer)
    await recorder.close()
    assert len(log.entries) == MAX_PER_WINDOW
    later = time.monotonic() + WINDOW_SECONDS
    monkeypatch.setattr(time, "monotonic", lambda: later)
    with structlog.testing.capture_logs() as lines:
        _refuse(recorder, next(peers))
    await recorder.close()
    assert len(log.entries) == MAX_PER_WINDOW + 1
    assert lines[0]["count"] == MAX_PER_WINDOW


async def test_entries_wait_while_the_database_is_away(recorder: RefusalRecorder, log: _Log) -> None:
    log.away = True
    _refuse(recorder, "ipv4:10.0.0.1:1")
    await recorder.close()
    log.away = False
    await recorder.close()
    await recorder.close()
    assert len(log.entries) == 1


async def test_an_entry_is_written_once_though_the_server_stops_before_postgres_answers(
    recorder: RefusalRecorder, log: _Log
) -> None:
    log.answers.clear()
    running = asyncio.create_task(recorder.run())
    _refuse(recorder, "ipv4:10.0.0.1:1")
    while not log.entries:
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    closing = asyncio.create_task(recorder.close())
    await asyncio.sleep(0)
    log.answers.set()
    await closing
    assert len(log.entries) == 1


async def test_entries_are_written_once_though_the_server_stops_while_it_writes(
    recorder: RefusalRecorder, log: _Log
) -> None:
    log.answers.clear()
    _refuse(recorder, "ipv4:10.0.0.1:1")
    closing = asyncio.create_task(recorder.close())
    while not log.entries:
        await asyncio.sleep(0)
    running = asyncio.create_task(recorder.run())  # the loop goes on until the server's tasks are cancelled
    _refuse(recorder, "ipv4:10.0.0.2:1")
    for _ in range(20):
        await asyncio.sleep(0)
    log.answers.set()
    await closing
    await recorder.close()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [entry.origin.peer for entry in log.entries] == ["ipv4:10.0.0.1:1", "ipv4:10.0.0.2:1"]


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:10.1.2.3:51234", "10.1.2.3"),
        ("ipv6:%5B2001:db8:1:2:3:4:5:6%5D:51234", "2001:db8:1:2::/64"),
        ("ipv6:[fe80::1%25eth0]:51234", "fe80::/64"),
        ("unix:", "unix"),
        ("ipv4:nonsense", "ipv4"),
    ],
)
def test_addresses_are_counted_by_what_one_caller_can_choose(peer: str, address: str) -> None:
    assert address_of(peer) == address
