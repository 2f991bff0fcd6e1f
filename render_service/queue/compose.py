"""Tasks to render segments, on the queue `compose`: messages that any worker of the cluster may claim."""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from uuid import UUID

import redis
from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker

COMPOSE_QUEUE = "compose"
COMPOSE_ACTOR = "make_segment"


@dataclass(frozen=True, slots=True)
class SegmentRequest:
    """A segment to render.

    `key` is the segment's object key, `spec` what it is made of in canonical form, `assets` the object keys of the
    files that it needs by their content hashes, `render_id` the render that waits for it.
    """

    key: str
    spec: bytes
    assets: Mapping[str, str]
    render_id: UUID

    def to_message(self) -> tuple[str, str, dict[str, str], str]:
        """Return the arguments of its message."""
        return self.key, b64encode(self.spec).decode(), dict(self.assets), str(self.render_id)

    @classmethod
    def from_message(cls, key: str, spec: str, assets: dict[str, str], render_id: str) -> Self:
        """Return the task that a message's arguments describe."""
        return cls(key, b64decode(spec), assets, UUID(render_id))


class ComposeQueue:
    """Submits segments. Both methods block, and raise `redis.RedisError` if Redis is unavailable: use a thread.

    Args:
        broker: The broker to send to.
    """

    def __init__(self, broker: RedisBroker) -> None:
        self._broker = broker
        broker.declare_queue(COMPOSE_QUEUE)

    def send(self, request: SegmentRequest) -> None:
        """Submit a segment."""
        self._broker.enqueue(
            Message(
                queue_name=COMPOSE_QUEUE, actor_name=COMPOSE_ACTOR, args=request.to_message(), kwargs={}, options={}
            )
        )

    def empty(self) -> bool:
        """Return whether the queue is empty."""
        client: redis.Redis = self._broker.client
        return int(client.llen(f"{self._broker.namespace}:{COMPOSE_QUEUE}")) == 0
