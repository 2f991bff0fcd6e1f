"""Coordinates segment requesters and workers through Redis; all of it hints that may be lost.

The object store shows whether a segment is done; these keys only show whether it is still wanted, whether a worker is
rendering it, and why it failed. Each key expires.
"""

import json
from uuid import UUID

from redis.asyncio import Redis

from render_service.domain.errors import ErrorReason, RenderFailure

_LIVE_SECONDS = 5
_FAILED_SECONDS = 60


class SegmentCoordination:
    """Sets and reads the keys.

    Args:
        redis: A client with short time-outs.
    """

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis

    async def want(self, render_id: UUID) -> None:
        """Mark a render's segments as wanted for a few seconds."""
        await self._redis.set(f"compose:wanted:{render_id}", 1, ex=_LIVE_SECONDS)

    async def want_no_more(self, render_id: UUID) -> None:
        """Mark a render's segments as no longer wanted."""
        await self._redis.delete(f"compose:wanted:{render_id}")

    async def wanted(self, render_id: UUID) -> bool:
        """Return whether a render still wants its segments."""
        return bool(await self._redis.exists(f"compose:wanted:{render_id}"))

    async def work(self, key: str) -> None:
        """Mark a segment as being rendered for a few seconds."""
        await self._redis.set(f"compose:working:{key}", 1, ex=_LIVE_SECONDS)

    async def working(self, key: str) -> bool:
        """Return whether a worker is rendering a segment."""
        return bool(await self._redis.exists(f"compose:working:{key}"))

    async def stop_work(self, key: str) -> None:
        """Mark a segment as no longer being rendered."""
        await self._redis.delete(f"compose:working:{key}")

    async def fail(self, key: str, failure: RenderFailure) -> None:
        """Record why a segment failed."""
        stored = {
            "reason": failure.reason,
            "message": failure.message,
            "metadata": failure.metadata,
            "retryable": failure.retryable,
        }
        await self._redis.set(f"compose:failed:{key}", json.dumps(stored), ex=_FAILED_SECONDS)

    async def failure(self, key: str) -> RenderFailure | None:
        """Return why a segment failed, or None."""
        stored = await self._redis.get(f"compose:failed:{key}")
        if stored is None:
            return None
        fields = json.loads(stored)
        return RenderFailure(
            ErrorReason(fields["reason"]),
            fields["message"],
            fields["metadata"],
            retryable=fields.get("retryable", False),  # a worker of an earlier version omits it
        )

    async def forget_failure(self, key: str) -> None:
        """Clear the failure of an earlier attempt."""
        await self._redis.delete(f"compose:failed:{key}")
