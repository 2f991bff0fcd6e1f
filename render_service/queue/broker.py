"""The broker: where messages go. A message is a hint that there is work; what work, Postgres says."""

from collections.abc import Sequence
from uuid import UUID

import redis
from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker
from redis.backoff import NoBackoff
from redis.retry import Retry

RENDER_QUEUE = "render"
RENDER_ACTOR = "render_job"


def make_broker(url: str, *, blocking_timeout_seconds: float = 5.0) -> RedisBroker:
    """Return a broker without middleware: retries, delays, time limits and results live in Postgres.

    Args:
        url: REDIS_URL.
        blocking_timeout_seconds: After which a command that Redis does not answer fails.
    """
    return RedisBroker(
        url=url,
        middleware=[],
        # Messages of a killed worker come back after this, looked for at every fetch rather than by chance.
        heartbeat_timeout=5_000,
        maintenance_chance=1_000_000,
        socket_timeout=blocking_timeout_seconds,
        socket_connect_timeout=blocking_timeout_seconds,
        retry=Retry(NoBackoff(), 0),
    )


class RenderQueue:
    """Sends messages to the render queue by name: the sender needs none of the worker's code.

    Args:
        broker: Where to.

    All methods block, and raise `redis.RedisError` where Redis is away: call them from a thread.
    """

    def __init__(self, broker: RedisBroker) -> None:
        self._broker = broker
        broker.declare_queue(RENDER_QUEUE)

    def send(self, job_ids: Sequence[UUID]) -> None:
        """Send a message for each job."""
        for job_id in job_ids:
            self._broker.enqueue(
                Message(queue_name=RENDER_QUEUE, actor_name=RENDER_ACTOR, args=(str(job_id),), kwargs={}, options={})
            )

    def length(self) -> int:
        """Return how many messages wait, those not counted that a worker already fetched."""
        client: redis.Redis = self._broker.client
        length = client.llen(f"{self._broker.namespace}:{RENDER_QUEUE}")
        return int(length)
