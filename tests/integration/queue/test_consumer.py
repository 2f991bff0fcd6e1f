"""The worker's consumer takes a message when it is sent, and has no more than it may have."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Condition, Event

import pytest
from redis import Redis

from render_service.queue import broker as module
from render_service.queue.broker import RENDER_QUEUE, RenderQueue, make_broker


def test_an_idle_consumer_takes_a_message_when_it_is_sent(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WAIT_SECONDS", 60)
    broker = make_broker(redis_url, blocking_timeout_seconds=90)
    queue = RenderQueue(broker)
    consumer = broker.consume(RENDER_QUEUE, prefetch=2)
    with ThreadPoolExecutor(1) as thread, Redis.from_url(redis_url) as redis:
        taken = thread.submit(next, consumer)
        while not any(client["cmd"] == "blmove" and client["name"] == "" for client in redis.client_list()):
            assert not taken.done()
            time.sleep(0.01)
        queue.send(["first"])  # type: ignore[list-item]
        message = taken.result(timeout=60)
    assert message is not None
    assert message.args == ("first",)
    consumer.ack(message)
    assert queue.length() == 0
    broker.close()


def test_a_consumer_has_no_more_messages_than_it_may_have_and_gives_back_the_rest(redis_url: str) -> None:
    broker = make_broker(redis_url)
    queue = RenderQueue(broker)
    queue.send(["first", "second", "third"])  # type: ignore[list-item]
    consumer = broker.consume(RENDER_QUEUE, prefetch=2)
    first, second = next(consumer), next(consumer)
    assert first is not None
    assert second is not None
    assert next(consumer) is None
    assert queue.length() == 1
    consumer.requeue([second])
    assert queue.length() == 2
    consumer.ack(first)
    third = next(consumer)
    assert third is not None
    assert third.args == ("third",)
    broker.close()


def test_a_busy_consumer_takes_the_next_message_when_one_ends(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = Event()

    class Observed(Condition):
        def wait(self, timeout: float | None = None) -> bool:
            waiting.set()
            return super().wait(timeout)

    monkeypatch.setattr(module, "_WAIT_SECONDS", 90)
    monkeypatch.setattr(module, "Condition", Observed)
    broker = make_broker(redis_url)
    queue = RenderQueue(broker)
    queue.send(["first", "second"])  # type: ignore[list-item]
    consumer = broker.consume(RENDER_QUEUE, prefetch=1)
    first = next(consumer)
    assert first is not None
    with ThreadPoolExecutor(1) as thread:
        taken = thread.submit(next, consumer)
        assert waiting.wait(timeout=60)
        consumer.ack(first)
        second = taken.result(timeout=60)
    assert second is not None
    assert second.args == ("second",)
    broker.close()


def test_a_message_whose_content_redis_has_lost_is_passed_over(redis_url: str) -> None:
    broker = make_broker(redis_url)
    queue = RenderQueue(broker)
    queue.send(["first", "second"])  # type: ignore[list-item]
    with Redis.from_url(redis_url) as redis:
        name = f"{broker.namespace}:{RENDER_QUEUE}"
        lost = redis.lindex(name, 0)
        assert redis.hdel(f"{name}.msgs", lost) == 1
    message = next(broker.consume(RENDER_QUEUE, prefetch=2))
    assert message is not None
    assert message.args == ("second",)
    broker.close()
