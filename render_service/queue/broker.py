"""The message broker. A message is a hint that there is work; Postgres determines which."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from threading import Condition
from uuid import UUID

import redis
from dramatiq import Message
from dramatiq.broker import Consumer, MessageProxy
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import ConnectionClosed
from redis.backoff import NoBackoff
from redis.retry import Retry

RENDER_QUEUE = "render"
RENDER_ACTOR = "render_job"
# For a message, or for one in work to end; also the longest time until a consumer notices that it is to stop.
_WAIT_SECONDS = 0.3


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
    except (redis.ConnectionError, redis.TimeoutError) as error:
        raise ConnectionClosed(error) from None


class _Consumer(Consumer):
    """Takes messages of one queue, at once when they are sent, or when it may take another one.

    Treats a Redis that does not answer as one that is away: Dramatiq retries then, but has no case for time-outs.
    """

    def __init__(self, broker: "Broker", queue: str, prefetch: int) -> None:
        self._broker = broker
        self._queue = queue
        self._prefetch = prefetch
        self._fetched: deque[bytes | None] = deque()
        self._in_work: set[str] = set()
        self._ended = Condition()  # messages end in other threads than the one that fetches

    def ack(self, message: MessageProxy) -> None:
        try:
            with _silence_is_absence():
                self._broker.do_ack(self._queue, message.options["redis_message_id"])
        finally:
            self._end(message)

    def nack(self, message: MessageProxy) -> None:
        try:
            with _silence_is_absence():
                self._broker.do_nack(self._queue, message.options["redis_message_id"])
        finally:
            self._end(message)

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        if ids := [message.options["redis_message_id"] for message in messages]:
            self._broker.do_requeue(self._queue, *ids)

    def __next__(self) -> MessageProxy | None:
        with _silence_is_absence():
            if not self._fetched:
                self._fetch()
            # None: Redis has lost the message's content, for example by eviction. The job is enqueued again.
            data = None
            while self._fetched and data is None:
                data = self._fetched.popleft()
            if data is None:
                return None
            message: Message[object] = Message.decode(data)
            with self._ended:
                self._in_work.add(message.message_id)
            return MessageProxy(message)

    def _end(self, message: MessageProxy) -> None:
        with self._ended:
            self._in_work.discard(message.message_id)
            self._ended.notify()

    def _fetch(self) -> None:
        with self._ended:
            if not self._ended.wait_for(lambda: len(self._in_work) < self._prefetch, _WAIT_SECONDS):
                return
            free = self._prefetch - len(self._in_work)
        self._fetched.extend(self._broker.do_fetch(self._queue, free))
        if not self._fetched:
            # Moves the first message to where it is: only the script that fetches one also records who has it.
            name = f"{self._broker.namespace}:{self._queue}"
            if self._broker.client.execute_command("BLMOVE", name, name, "LEFT", "LEFT", _WAIT_SECONDS) is not None:
                self._fetched.extend(self._broker.do_fetch(self._queue, free))


class Broker(RedisBroker):
    """A broker of Dramatiq that sends many messages at once, and whose consumers do not poll."""

    def enqueue_all(self, messages: Sequence["Message[object]"]) -> None:
        """Enqueue messages of one queue in one round trip.

        Dramatiq's script `dispatch.lua` does the same for each message, and looks for what other consumers have lost.
        The contents come first: a consumer passes over an id without one.
        """
        contents: dict[bytes | bytearray | memoryview[int] | str | int | float, bytes] = {}
        for message in messages:
            message.options["redis_message_id"] = message.message_id
            contents[message.message_id] = message.encode()
        name = f"{self.namespace}:{messages[0].queue_name}"
        with closing(self.client.pipeline(transaction=False)) as pipeline:
            pipeline.hset(f"{name}.msgs", mapping=contents)
            pipeline.rpush(name, *contents)
            pipeline.execute()

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        """Return a consumer of a queue; `timeout` is not used."""
        return _Consumer(self, queue_name, prefetch)


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
