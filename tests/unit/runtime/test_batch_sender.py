"""Items that are sent in the background: none is lost to the fault of another, none delays a caller."""

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from render_service.runtime.batch_sender import BatchSender

CALL: ContextVar[str] = ContextVar("call", default="")


class Outbox:
    """Records batches, once it is open; the first raises `fault`, if there is one."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.begun, self.open = asyncio.Event(), asyncio.Event()
        self.batches: list[list[int]] = []
        self.calls: set[str] = set()
        self._fault = fault

    async def send(self, batch: Sequence[int]) -> None:
        self.begun.set()
        await self.open.wait()
        self.batches.append(list(batch))
        self.calls.add(CALL.get())
        if self._fault is not None and len(self.batches) == 1:
            raise self._fault


@pytest.mark.parametrize("fault", [None, RedisConnectionError(), OSError(), ValueError("half a surrogate pair")])
async def test_what_is_added_while_a_batch_is_sent_is_the_next_even_after_any_fault(fault: Exception | None) -> None:
    outbox = Outbox(fault)
    sender = BatchSender(outbox.send, failure="not sent")
    sender.add(1)
    sender.add(2)
    await outbox.begun.wait()
    sender.add(3)
    sender.add(4)
    closing = asyncio.create_task(sender.close(timeout_seconds=60))
    await asyncio.sleep(0)
    assert not closing.done()
    outbox.open.set()
    await closing
    assert outbox.batches == [[1, 2], [3, 4]]


async def test_a_batch_has_the_context_of_no_caller() -> None:
    outbox = Outbox()
    outbox.open.set()
    CALL.set("first")
    sender = BatchSender(outbox.send, failure="not sent")
    sender.add(1)
    await sender.close(timeout_seconds=60)
    assert outbox.calls == {""}


async def test_closing_leaves_what_is_not_sent_in_time_and_no_task() -> None:
    sender = BatchSender(Outbox().send, failure="not sent")
    sender.add(1)
    async with asyncio.timeout(60):
        await sender.close(timeout_seconds=0.01)
    assert asyncio.all_tasks() == {asyncio.current_task()}
