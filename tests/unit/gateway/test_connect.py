"""A call over Connect takes no longer than its caller waits."""

import asyncio

import pytest
from google.protobuf.message import Message
from google.rpc import code_pb2
from starlette.requests import Request

from render_service.gateway.connect import _within
from render_service.gateway.errors import RequestRefused


async def test_a_call_that_takes_too_long_is_ended() -> None:
    ended = asyncio.Event()

    async def call() -> Message:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    request = Request({"type": "http", "headers": [(b"connect-timeout-ms", b"10")]})
    with pytest.raises(RequestRefused) as refused:
        await _within(request, call())
    assert refused.value.status.code == code_pb2.DEADLINE_EXCEEDED
    assert ended.is_set()
