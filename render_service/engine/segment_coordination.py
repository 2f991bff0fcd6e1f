"""What requesters and makers of segments tell each other through Redis: all of it hints that may be lost.

The object store says whether a segment is done; these signs only say whether it is still wanted, whether somebody is at
it, and why it cannot be made. Each expires by itself.
"""

import json
from uuid import UUID

from redis.asyncio import Redis

from render_service.domain.errors import ErrorReason, RenderFailure

_LIVE_SECONDS = 5
_FAILED_SECONDS = 60


class SegmentCoordination:
    """Sets and reads the signs.

    Args:
        redis: A client with short time-outs.
    """

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis

    async def want(self, render_id: UUID) -> None:
        """Say for the next seconds that a render wants its segments."""
        await self._redis.set(f"compose:wanted:{render_id}", 1, ex=_LIVE_SECONDS)

    async def want_no_more(self, render_id: UUID) -> None:
        """Say that a render wants nothing any more."""
        await self._redis.delete(f"compose:wanted:{render_id}")

    async def wanted(self, render_id: UUID) -> bool:
        """Tell whether a render still wants its segments."""
        return bool(await self._redis.exists(f"compose:wanted:{render_id}"))

    async def work(self, key: str) -> None:
        """Say for the next seconds that somebody is making a segment."""
        await self._redis.set(f"compose:working:{key}", 1, ex=_LIVE_SECONDS)

    async def working(self, key: str) -> bool:
        """Tell whether somebody is making a segment."""
        return bool(await self._redis.exists(f"compose:working:{key}"))

    async def stop_work(self, key: str) -> None:
        """Say that this process makes a segment no more."""
        await self._redis.delete(f"compose:working:{key}")

    async def fail(self, key: str, failure: RenderFailure) -> None:
        """Say why a segment cannot be made."""
        told = {"reason": failure.reason, "message": failure.message, "metadata": failure.metadata}
        await self._redis.set(f"compose:failed:{key}", json.dumps(told), ex=_FAILED_SECONDS)

    async def failure(self, key: str) -> RenderFailure | None:
        """Return why a segment cannot be made; None where nobody said so."""
        told = await self._redis.get(f"compose:failed:{key}")
        if told is None:
            return None
        fields = json.loads(told)
        return RenderFailure(ErrorReason(fields["reason"]), fields["message"], fields["metadata"])

    async def forget_failure(self, key: str) -> None:
        """Take back what an earlier attempt said."""
        await self._redis.delete(f"compose:failed:{key}")
