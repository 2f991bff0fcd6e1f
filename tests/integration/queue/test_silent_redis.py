"""A Redis that does not answer counts as one that is away: the worker's consumer waits for it and loses nothing."""

import pytest
from dramatiq.errors import ConnectionClosed

from render_service.embedded import EmbeddedValkey
from render_service.queue.broker import RENDER_QUEUE, RenderQueue, make_broker


def test_a_frozen_redis_is_a_lost_connection_for_the_consumer(own_valkey: EmbeddedValkey) -> None:
    broker = make_broker(own_valkey.url, blocking_timeout_seconds=0.3)
    RenderQueue(broker).send(["first", "second"])  # type: ignore[list-item]
    consumer = broker.consume(RENDER_QUEUE, prefetch=1, timeout=50)
    acknowledged = next(consumer)
    assert acknowledged is not None
    own_valkey.freeze()
    try:
        with pytest.raises(ConnectionClosed):
            consumer.ack(acknowledged)
        with pytest.raises(ConnectionClosed):
            consumer.nack(acknowledged)
        with pytest.raises(ConnectionClosed):
            next(consumer)
    finally:
        own_valkey.thaw()
    consumer.ack(acknowledged)
    second = next(consumer)
    assert second is not None
    consumer.ack(second)
    consumer.close()
    broker.close()
