"""Sends fuzzed calls to a running server, many at a time, and keeps what must not be."""

import asyncio
import contextlib
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import grpc

from tests.fuzz.requests import FuzzedCall, fuzzed_calls

_SECONDS = 10.0
_AT_ONCE = 4
_NEVER = frozenset({"INTERNAL", "UNKNOWN", "DEADLINE_EXCEEDED", "UNAVAILABLE", "DATA_LOSS"})
# Words of the machinery that no caller must ever read.
LEAK = re.compile(
    rb"Traceback|\.py\b|psycopg|sqlalchemy|asyncpg|SELECT |INSERT |UPDATE |Exception|DecodeError|KeyError|TypeError|"
    rb"ValueError|Unexpected <|/render_service/|site-packages|postgresql://|redis://"
)


@dataclass(slots=True)
class Findings:
    """What a campaign found: statuses by number, latencies in seconds, faults in words."""

    statuses: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")

    def latency(self, share: float) -> float:
        """Return the latency that this share of calls did not exceed, in seconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def run_campaign(target: str, *, seed: int, calls: int) -> Findings:
    """Make fuzzed calls.

    Args:
        target: host:port of a server that asks nobody who they are.
        seed: Chooses the calls.
        calls: How many.
    """
    findings = Findings()
    source = islice(fuzzed_calls(seed, "fuzz"), calls)
    async with grpc.aio.insecure_channel(target) as channel:

        async def work() -> None:
            for call in source:
                await _make(channel, call, findings)

        await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
    return findings


def resident_bytes(pid: int) -> int:
    """Return how much memory a process holds."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


async def _make(channel: grpc.aio.Channel, call: FuzzedCall, findings: Findings) -> None:
    began = time.perf_counter()
    raw: Any = channel.unary_stream if call.answers_in_stream else channel.unary_unary
    asked: Any = call.body
    if call.asks_in_stream:
        raw, asked = channel.stream_stream, iter((call.body,))
    answer = raw(call.method)(asked, metadata=call.metadata, timeout=_SECONDS)
    with contextlib.suppress(grpc.aio.AioRpcError):
        # Watches may go on for ever: their first message shows that they were accepted.
        await (answer.read() if call.answers_in_stream else answer)
    seconds = time.perf_counter() - began
    code = (await answer.code()).name if answer.done() else "OK"
    if answer.done():
        details = repr((await answer.details(), tuple(await answer.trailing_metadata() or ()))).encode()
        if code in _NEVER or LEAK.search(details):
            findings.faults.append(f"{call.method} ({call.what}) {code}: {details[:300]!r} for {call.body[:200]!r}")
    answer.cancel()
    findings.latencies.append(seconds)
    findings.statuses[code] += 1
    findings.slowest = max(findings.slowest, (seconds, f"{call.method} ({call.what}) of {len(call.body)} bytes"))
