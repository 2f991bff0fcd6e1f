"""A slow, dead or hostile receiver harms nobody: not other receivers, not the database, not the network inside."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa

from render_service.db.database import Database
from render_service.domain.jobs.job import JobStatus
from render_service.domain.webhooks.webhook import DeliveryState
from tests.fakes.http_server import Fault, Request
from tests.integration.webhooks.receiver import LOOPBACK, ReceivingServer, add_webhook, sending
from tests.integration.webhooks.test_sender import deliveries, run_job, until_state
from tests.records import job_request, start_job

# Deliveries of jobs that need not be run.
_PILE_UP = sa.text("""
    WITH started AS (
        INSERT INTO jobs (id, task_id, workspace_id, provider, spec, run_after)
        SELECT gen_random_uuid(), gen_random_uuid(), :workspace, 'mock', '{}', now() + interval '1 day'
        FROM generate_series(1, :number)
        RETURNING *
    )
    INSERT INTO job_events (job_id, sequence, milestone, workspace_id, status, progress, message, attempt)
    SELECT id, 1, 1, workspace_id, 'PENDING', 0, '', 0 FROM started
""")


async def pile_up(database: Database, number: int, workspace: str = "team") -> None:
    """Start so many jobs, which stay PENDING."""
    async with database.single() as connection:
        await connection.execute(_PILE_UP, {"number": number, "workspace": workspace})


class Crowded:
    """Tells how many requests are at a server at a time, at most."""

    def __init__(self) -> None:
        self.now = self.most = 0

    def __call__(self, request: Request) -> Fault:
        self.now += 1
        self.most = max(self.most, self.now)
        asyncio.get_running_loop().call_later(0.02, self._leave)
        return Fault(delay=0.02, after=True)

    def _leave(self) -> None:
        self.now -= 1


@asynccontextmanager
async def silent_hosts() -> AsyncIterator[int]:
    """A port that answers nothing, on every address of this machine."""
    writers = []

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)

    async with await asyncio.start_server(talk, "0.0.0.0", 0) as server:
        yield server.sockets[0].getsockname()[1]
        for writer in writers:
            writer.close()


@pytest.mark.parametrize("workspace", ["team", "others"])
async def test_a_thousand_deliveries_to_a_receiver_that_never_answers_delay_nobody(
    database: Database, workspace: str
) -> None:
    async with silent_hosts() as dead, ReceivingServer() as alive, sending(database):
        await add_webhook(database, f"http://127.0.0.1:{dead}/", statuses=(JobStatus.PENDING,))
        await pile_up(database, 1_000)
        async with asyncio.timeout(60):
            while not any(one.attempts for one in await deliveries(database)):
                await asyncio.sleep(0.01)
        await add_webhook(database, alive.url, workspace=workspace)
        for _ in range(3):
            began = time.monotonic()
            before = len(alive.accepted)
            await run_job(database, await start_job(database, job_request(workspace=workspace)))
            await alive.until(before + 1)
            assert time.monotonic() - began < 14
        assert sum(one.attempts for one in await deliveries(database) if one.url.endswith(f":{dead}/")) <= 8


async def test_a_workspace_with_many_dead_receivers_delays_no_other(database: Database) -> None:
    hosts = [f"127.0.1.{number}" for number in range(1, 13)]
    async with silent_hosts() as port, ReceivingServer() as alive, sending(database, hosts=(*hosts, LOOPBACK)):
        for host in hosts:
            await add_webhook(database, f"http://{host}:{port}/", statuses=(JobStatus.PENDING,))
        await pile_up(database, 100)
        async with asyncio.timeout(60):
            while sum(one.attempts for one in await deliveries(database)) < 24:
                await asyncio.sleep(0.02)
        await add_webhook(database, alive.url, workspace="others")
        began = time.monotonic()
        await run_job(database, await start_job(database, job_request(workspace="others")))
        await alive.until(1)
        assert time.monotonic() - began < 14
        assert sum(one.attempts for one in await deliveries(database)) == 24


async def test_no_receiver_gets_more_than_a_few_at_a_time_and_all_come_through(database: Database) -> None:
    crowd = Crowded()
    async with ReceivingServer() as receiver, sending(database):
        receiver.chooser = crowd
        await add_webhook(database, receiver.url, statuses=(JobStatus.PENDING,))
        await pile_up(database, 300)
        await receiver.until(300, seconds=30)
    assert 2 <= crowd.most <= 8
    assert len(set(receiver.ids)) == 300


async def test_a_receiver_that_struggles_is_asked_one_at_a_time_until_it_is_well_again(database: Database) -> None:
    crowd = Crowded()
    async with ReceivingServer() as receiver, sending(database):
        receiver.faults = [("POST", Fault(status=503))]
        await add_webhook(database, receiver.url, statuses=(JobStatus.PENDING,))
        await pile_up(database, 1)
        async with asyncio.timeout(60):
            while (await deliveries(database))[0].http_status != 503:
                await asyncio.sleep(0.01)
        receiver.chooser = lambda request: Fault(delay=0.3, status=503)
        await pile_up(database, 20)
        await asyncio.sleep(1)
        assert 2 <= len(receiver.requests) <= 6
        receiver.chooser = crowd
        await receiver.until(15, seconds=60)
    assert crowd.most > 2


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/",
        "https://127.0.0.1:{port}/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]:{port}/",
        "https://10.0.0.1/",
        "https://localhost:{port}/",
        "https://inside.example:{port}/",
        "https://both.example:{port}/",
    ],
)
async def test_nothing_is_sent_to_addresses_inside(database: Database, url: str) -> None:
    async def names(host: str, port: int, workspace_id: str) -> Sequence[str]:
        return {"inside.example": ["127.0.0.1"], "both.example": ["93.184.216.34", "127.0.0.1"]}[host]

    async with ReceivingServer() as inside, sending(database, hosts=(), resolver=names):
        await add_webhook(database, url.format(port=inside.port))
        await run_job(database)
        async with asyncio.timeout(60):
            while not (found := await deliveries(database)) or not found[0].error:
                await asyncio.sleep(0.02)
        assert found[0].error == "the URL is not allowed"
        assert inside.requests == []
        assert inside.connections == 0


async def test_a_name_that_turns_inward_after_the_first_try_leads_nowhere(database: Database) -> None:
    answers = [["93.184.216.34"], ["127.0.0.1"]]

    async def rebinding(host: str, port: int, workspace_id: str) -> Sequence[str]:
        return answers.pop(0) if len(answers) > 1 else answers[0]

    async with (
        ReceivingServer() as inside,
        sending(database, hosts=(), resolver=rebinding, attempt_timeout=timedelta(seconds=0.3)),
    ):
        await add_webhook(database, f"https://rebind.example:{inside.port}/")
        await run_job(database)
        await until_state(database, DeliveryState.FAILED, hurried=True)
        assert (await deliveries(database))[0].error == "the URL is not allowed"
        assert inside.connections == 0


async def test_receivers_that_answer_a_byte_at_a_time_hold_nothing_up_for_good(database: Database) -> None:
    open_now = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_now
        open_now += 1
        try:
            while True:
                writer.write(b"H")
                await writer.drain()
                await asyncio.sleep(0.05)
        except ConnectionError:
            writer.close()
        finally:
            open_now -= 1

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server, ReceivingServer() as alive:
        async with sending(database, attempt_timeout=timedelta(seconds=0.3)):
            port = server.sockets[0].getsockname()[1]
            await add_webhook(database, f"http://127.0.0.1:{port}/", statuses=(JobStatus.PENDING,))
            await pile_up(database, 10)
            await add_webhook(database, alive.url)
            async with asyncio.timeout(60):
                while sum(one.error != "" for one in await deliveries(database)) < 10:
                    await asyncio.sleep(0.05)
            await run_job(database)
            await alive.until(1)
        async with asyncio.timeout(60):
            while open_now:
                await asyncio.sleep(0.05)


async def test_an_answer_without_end_is_broken_off_and_kept_nowhere(database: Database) -> None:
    sent = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
                await writer.drain()
                sent += 4096
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with sending(database):
        await add_webhook(database, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        await run_job(database)
        await until_state(database, DeliveryState.DELIVERED)
    server.close()
    assert sent < 32 * 1024 * 1024
