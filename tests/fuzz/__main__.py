"""`make fuzz`: a long campaign, with its results. `SEED=n` repeats one, `CALLS=n` sets its length."""

import asyncio
import os
import random
import sys
import time

from tests.fuzz.campaign import resident_bytes, run_campaign
from tests.fuzz.service import server_alone

_MEBIBYTE = 1024 * 1024
_P99_SECONDS = 0.05
_GROWTH_BYTES = 32 * _MEBIBYTE


async def main() -> int:
    """Run a campaign; return 1 where something was found that must not be."""
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(10**9))
    calls = int(os.environ.get("CALLS") or 20_000)
    print(f"SEED={seed} CALLS={calls}", flush=True)
    async with server_alone() as stack:
        await run_campaign(stack.target, seed=seed + 1, calls=min(3_000, calls))  # caches fill, pools grow
        before, began = resident_bytes(stack.server.pid), time.perf_counter()
        findings = await run_campaign(stack.target, seed=seed, calls=calls)
        seconds = time.perf_counter() - began
        grown = resident_bytes(stack.server.pid) - before
        alive = stack.server.running
    p50, p99 = findings.latency(0.5), findings.latency(0.99)
    print(f"{calls} calls in {seconds:.0f} s, p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms")
    print(f"slowest: {findings.slowest[0] * 1000:.1f} ms, {findings.slowest[1]}")
    print(f"memory {before / _MEBIBYTE:.0f} MiB, grown by {grown / _MEBIBYTE:.1f} MiB")
    print("  ".join(f"{name} {count}" for name, count in findings.statuses.most_common()))
    for fault in findings.faults[:20]:
        print(f"FAULT {fault}")
    failed = bool(findings.faults) or not alive or p99 > _P99_SECONDS or grown > _GROWTH_BYTES
    print("FAILED" if failed else "PASSED")
    return int(failed)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
