"""The short version of `make fuzz`, and peers that only hold on: whatever is sent, the server stays itself."""

import asyncio
import contextlib
import time

import grpc
import pytest
from render_client.v1 import render_service_pb2 as pb

from render_service.embedded.stack import Stack
from tests.fuzz.campaign import resident_bytes, run_campaign
from tests.fuzz.service import server_alone
from tests.serving import Stubs

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


@pytest.mark.long
async def test_no_request_makes_the_server_fail_leak_or_grow() -> None:
    async with server_alone() as stack:
        await run_campaign(stack.target, seed=1, calls=250)
        before = resident_bytes(stack.server.pid)
        findings = await run_campaign(stack.target, seed=20_260_131, calls=750)
        assert findings.faults == []
        assert stack.server.running
        assert resident_bytes(stack.server.pid) - before < 64 * 1024 * 1024
        await _idle_and_slow_peers_do_not_stop_others(stack)


async def _idle_and_slow_peers_do_not_stop_others(stack: Stack) -> None:
    host, _, port = stack.target.rpartition(":")
    async with contextlib.AsyncExitStack() as opened:
        for number in range(1_000):
            _, writer = await asyncio.open_connection(host, int(port))
            opened.callback(writer.close)
            if number % 10 == 0:
                writer.write(PREFACE[: number % len(PREFACE)])
        async with grpc.aio.insecure_channel(stack.target, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
            began = time.perf_counter()
            for _ in range(20):
                await Stubs(channel).renders.ListJobs(pb.ListJobsRequest(workspace_id="fuzz"), timeout=30)
            assert time.perf_counter() - began < 25
