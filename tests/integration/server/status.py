"""The error of a refused call: its status and details."""

from collections.abc import AsyncIterable, Awaitable
from dataclasses import dataclass
from typing import Any

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status


@dataclass(frozen=True)
class Refusal:
    """A refused call as its caller sees it."""

    code: grpc.StatusCode
    message: str
    reason: str
    metadata: dict[str, str]
    retry_seconds: float | None
    raw: bytes


async def refusal(call: Awaitable[Any] | AsyncIterable[Any]) -> Refusal:
    """Make a call that must be refused, or a stream that must end so, and return its error."""
    try:
        if isinstance(call, AsyncIterable):
            async for _ in call:
                pass
        else:
            await call
    except grpc.aio.AioRpcError as error:
        return read_refusal(error)
    raise AssertionError("the call was not refused")


def read_refusal(error: grpc.aio.AioRpcError) -> Refusal:
    """Read the details of a refused call."""
    status = rpc_status.from_call(error)  # type: ignore[arg-type]  # it has all that is asked of a call
    reason, metadata, retry = "", {}, None
    for packed in status.details if status is not None else ():
        info, wait = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
        if packed.Unpack(info):
            assert info.domain == "render.v1"
            reason, metadata = info.reason, dict(info.metadata)
        elif packed.Unpack(wait):
            retry = wait.retry_delay.ToMilliseconds() / 1000
    raw = status.SerializeToString() if status is not None else b""
    return Refusal(error.code(), error.details() or "", reason, metadata, retry, raw)
