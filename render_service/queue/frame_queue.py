"""Requests for single frames, from servers to workers and back, through Redis lists.

Nothing of it is durable: a request that is lost, or whose worker dies, is answered by nobody; its caller asks again.
"""

import asyncio
import json
import math
from contextlib import suppress
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from render_service.domain.canonical import canonical_bytes, from_canonical
from render_service.domain.errors import DomainError, ErrorReason, RenderFailure
from render_service.domain.jobs.frame import FrameFacts, FrameRequest

_REQUESTS = "frames:requests"
# With this many requests waiting, another one would not be answered in time.
_MOST_WAITING = 64
_REPLY_SECONDS = 30
_SIZE = 4
_GRACE_SECONDS = 2.0
_RETRY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class DrawnFrame:
    """A frame: the content of its picture file, and where it lies."""

    image: bytes
    facts: FrameFacts


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A request as a worker receives it, and where its answer goes."""

    wanted: FrameRequest
    reply_to: str


class UnreadableRequest(ValueError):
    """A request that was sent by a server of another version. `reply_to` is where its answer goes, if it says so."""

    def __init__(self, reply_to: str | None) -> None:
        super().__init__("a request for a frame cannot be read")
        self.reply_to = reply_to


class FrameQueue:
    """Sends and receives requests for frames.

    Args:
        redis: A client without a time-out of its own: it waits.
    """

    def __init__(self, redis: "Redis") -> None:
        # Its types know text only, and promise awaitables where a pipeline returns itself.
        self._redis: Any = redis

    async def request(self, wanted: FrameRequest, timeout_seconds: float) -> DrawnFrame:
        """Have a worker draw a frame.

        Args:
            wanted: Which frame.
            timeout_seconds: How long to wait for it.

        Raises:
            RenderFailure: The frame cannot be drawn.
            DomainError: WORKER_UNAVAILABLE: no worker has answered in time, or too many requests are waiting.
            RedisError: Redis is unavailable.
        """
        reply_to = f"frames:reply:{token_hex(16)}"
        # A project may be large: its JSON is not made on the event loop.
        content = await asyncio.to_thread(canonical_bytes, wanted)
        message = _packed(json.dumps({"reply_to": reply_to}).encode(), content)
        try:
            # Redis ends the wait in time, unless it is silent itself.
            async with asyncio.timeout(timeout_seconds + _GRACE_SECONDS):
                return _read_answer(await self._exchange(message, reply_to, timeout_seconds))
        except BaseException as error:
            # Also when the caller has gone: nothing is drawn that nobody waits for.
            with suppress(RedisError, OSError):
                async with asyncio.timeout(_GRACE_SECONDS):
                    await self._redis.delete(_wanted(reply_to))
                    await self._redis.lrem(_REQUESTS, 1, message)
            if isinstance(error, TimeoutError):
                raise _unavailable("workers cannot be reached for the moment") from None
            raise

    async def _exchange(self, message: bytes, reply_to: str, timeout_seconds: float) -> bytes:
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.set(_wanted(reply_to), 1, ex=math.ceil(timeout_seconds))
            pipeline.lpush(_REQUESTS, message)
            # Without a worker nobody else removes what was asked for.
            pipeline.expire(_REQUESTS, _REPLY_SECONDS)
            _, waiting, _ = await pipeline.execute()
        if waiting > _MOST_WAITING:
            raise _unavailable("too many frames are waiting for a worker")
        answer = await self._redis.blpop([reply_to], timeout=timeout_seconds)
        if answer is None:
            raise _unavailable(f"no worker has drawn the frame within {timeout_seconds:g} s")
        content: bytes = answer[1]
        return content

    async def receive(self, timeout_seconds: float) -> ReceivedRequest | None:
        """Wait for a request; None if there is none in time, or nobody waits for its answer any longer.

        Raises:
            UnreadableRequest: It was sent by a server of another version.
            RedisError: Redis is unavailable.
            TimeoutError: Redis is silent.
        """
        async with asyncio.timeout(timeout_seconds + _GRACE_SECONDS):
            received = await self._redis.brpop([_REQUESTS], timeout=timeout_seconds)
            if received is None:
                return None
            header, content = _unpacked(received[1])
            try:
                reply_to = str(json.loads(header)["reply_to"])
            except (ValueError, KeyError, TypeError):
                raise UnreadableRequest(None) from None
            if not await self._redis.exists(_wanted(reply_to)):
                return None
        try:
            return ReceivedRequest(await asyncio.to_thread(from_canonical, FrameRequest, content), reply_to)
        except ValueError:
            raise UnreadableRequest(reply_to) from None

    async def is_wanted(self, reply_to: str) -> bool:
        """Return whether somebody still waits for an answer."""
        async with asyncio.timeout(_GRACE_SECONDS):
            return bool(await self._redis.exists(_wanted(reply_to)))

    async def refuse(self, request: UnreadableRequest) -> None:
        """Answer a request that cannot be read, if it says where: its caller asks again, perhaps another worker."""
        if request.reply_to is not None:
            failure = RenderFailure(ErrorReason.WORKER_UNAVAILABLE, "the worker has another version than the server")
            await self.answer(request.reply_to, failure)

    async def answer(self, reply_to: str, result: DrawnFrame | RenderFailure) -> None:
        """Send the answer to a request."""
        header: dict[str, Any]
        if isinstance(result, DrawnFrame):
            facts = result.facts
            header = {"number": facts.number, "shot_id": facts.shot_id, "frames": facts.frames}
            message = _packed(json.dumps(header).encode(), result.image)
        else:
            header = {"reason": result.reason, "message": result.message, "metadata": result.metadata}
            message = _packed(json.dumps(header).encode(), b"")
        async with asyncio.timeout(_GRACE_SECONDS), self._redis.pipeline(transaction=False) as pipeline:
            pipeline.rpush(reply_to, message).expire(reply_to, _REPLY_SECONDS).delete(_wanted(reply_to))
            await pipeline.execute()


def _wanted(reply_to: str) -> str:
    """Return the key that is there while somebody waits for an answer."""
    return f"{reply_to}:wanted"


def _read_answer(message: bytes) -> DrawnFrame:
    header, image = _unpacked(message)
    fields = json.loads(header)
    if fields.get("reason") == ErrorReason.WORKER_UNAVAILABLE:
        raise _unavailable(fields["message"])
    if "reason" in fields:
        raise RenderFailure(ErrorReason(fields["reason"]), fields["message"], fields["metadata"])
    return DrawnFrame(image, FrameFacts(fields["number"], fields["shot_id"], fields["frames"]))


def _unavailable(message: str) -> DomainError:
    return DomainError(ErrorReason.WORKER_UNAVAILABLE, message, retry_after_seconds=_RETRY_SECONDS)


def _packed(header: bytes, content: bytes) -> bytes:
    return len(header).to_bytes(_SIZE, "big") + header + content


def _unpacked(message: bytes) -> tuple[bytes, bytes]:
    end = _SIZE + int.from_bytes(message[:_SIZE], "big")
    return message[_SIZE:end], message[end:]
