"""The message broker. A message is a hint that there is work; Postgres determines which."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from copy import copy
from functools import partial
from uuid import UUID

import redis
from dramatiq import Message
from dramatiq.broker import MessageProxy
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer
from dramatiq.errors import ConnectionClosed
from redis.backoff import NoBackoff
from redis.retry import Retry

RENDER_QUEUE = "render"
RENDER_ACTOR = "render_job"


def make_broker(url: str, *, blocking_timeout_seconds: float = 3.0) -> "Broker":
    """Return a broker without middleware: retries, delays, time limits and results live in Postgres.

    Args:
        url: REDIS_URL.
        blocking_timeout_seconds: Time-out of a command to Redis.
    """
    # Dramatiq would drop the time-outs when it opens the URL itself.
    client = redis.Redis.from_url(
        url,
        socket_timeout=blocking_timeout_seconds,
        socket_connect_timeout=blocking_timeout_seconds,
        retry=Retry(NoBackoff(), 0),
    )
    return Broker(  # type: ignore[no-untyped-call]
        client=client,
        middleware=[],
        # Messages of a killed worker are requeued after this; every fetch checks for them, not a random one.
        heartbeat_timeout=5_000,
        maintenance_chance=1_000_000,
    )


@contextmanager
def _silence_is_absence() -> Iterator[None]:
    try:
        yield
    except redis.TimeoutError as error:
        raise ConnectionClosed(error) from None


class _Consumer(_RedisConsumer):
    """Treats a Redis that does not answer as one that is away: Dramatiq retries then, but has no case for time-outs."""

    def ack(self, message: MessageProxy) -> None:
        with _silence_is_absence():
            super().ack(message)  # type: ignore[no-untyped-call]

    def nack(self, message: MessageProxy) -> None:
        with _silence_is_absence():
            super().nack(message)  # type: ignore[no-untyped-call]

    def __next__(self) -> MessageProxy | None:
        with _silence_is_absence():
            message: MessageProxy | None = super().__next__()  # type: ignore[no-untyped-call]
            return message


class Broker(RedisBroker):
    """A broker of Dramatiq that sends many messages at once."""

    def enqueue_all(self, messages: Sequence["Message[object]"]) -> None:
        """Enqueue messages in one round trip, each as `enqueue` does."""
        with closing(self.client.pipeline(transaction=False)) as pipeline:
            pipelined = copy(self)
            pipelined.scripts = {**self.scripts, "dispatch": partial(self.scripts["dispatch"], client=pipeline)}
            for message in messages:
                pipelined.enqueue(message)
            pipeline.execute()

    @property
    def consumer_class(self) -> type[_Consumer]:
        return _Consumer


class RenderQueue:
    """Sends messages to the render queue by name: the sender does not import the worker's code.

    Args:
        broker: The broker to send to.

    All methods block, and raise `redis.RedisError` if Redis is unavailable: call them from a thread.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        broker.declare_queue(RENDER_QUEUE)

    def send(self, job_ids: Sequence[UUID]) -> None:
        """Send a message for each job."""
        self._broker.enqueue_all(
            [
                Message(queue_name=RENDER_QUEUE, actor_name=RENDER_ACTOR, args=(str(job_id),), kwargs={}, options={})
                for job_id in job_ids
            ]
        )

    def length(self) -> int:
        """Return the number of waiting messages, without those that a worker has fetched."""
        client: redis.Redis = self._broker.client
        length = client.llen(f"{self._broker.namespace}:{RENDER_QUEUE}")
        return int(length)
