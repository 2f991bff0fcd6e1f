"""Parts of a process that wait to be nudged end when they are told to, whatever else happens in that moment."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from render_service.db.database import Database
from render_service.db.jobs.deletions import Deletions
from render_service.db.jobs.job_outbox import JobOutbox
from render_service.queue.broker import RenderQueue, make_broker
from render_service.queue.dispatcher import Dispatcher
from render_service.retention.remover import Remover
from render_service.storage.store import ObjectStore


@pytest.fixture
def dispatcher(database: Database, redis_url: str) -> Iterator[Dispatcher]:
    broker = make_broker(redis_url)
    yield Dispatcher(JobOutbox(database), RenderQueue(broker))
    broker.close()


@pytest.fixture
def remover(database: Database, tmp_path: Path) -> Remover:
    return Remover(Deletions(database), ObjectStore(tmp_path.as_uri()))


async def test_a_part_ends_also_where_it_is_nudged_at_the_same_moment(dispatcher: Dispatcher, remover: Remover) -> None:
    for part in (dispatcher, remover):
        running = asyncio.create_task(part.run())
        await asyncio.sleep(0)
        part.nudge()
        await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait([running], timeout=5)
        ended = running.cancelled()
        running.cancel()
        await asyncio.wait([running])
        assert ended
