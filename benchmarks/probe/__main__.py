"""Attack a service on this machine from outside: `python -m benchmarks.probe`.

Each scenario has a victim, mostly in another workspace, whose work may take at most twice its undisturbed time. The run
ends by itself within five minutes. The last line is the verdict; the exit code is 1 where a limit is exceeded.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from benchmarks.probe import calls, fetching
from benchmarks.probe.system import System, Verdict, running_system

_SCENARIO_SECONDS = 90.0
_RUN_SECONDS = 300.0
_FETCHING: dict[str, Callable[[Verdict], Awaitable[None]]] = {
    "drip": fetching.header_drip,
    "names": fetching.slow_names,
}
_CALLS: dict[str, Callable[[System], Awaitable[None]]] = {
    "streams": calls.streams,
    "issuer": calls.hanging_issuer,
    "oracle": calls.content_oracle,
    "revocation": calls.revocation,
    "hog": calls.event_loop_hog,
    # Last: memory that a server has not returned would hide what the others cost.
    "bombs": calls.memory_bombs,
}


async def main(only: str) -> bool:
    """Run the scenarios; return whether all limits were kept."""
    verdict = Verdict()
    try:
        async with asyncio.timeout(_RUN_SECONDS):
            await _run(only, verdict)
    except TimeoutError:
        verdict.fail("the run", f"did not end within {_RUN_SECONDS:.0f} s")
    failed = len(verdict.failed)
    print(f"FAIL: {failed} limits exceeded" if failed else "PASS: no attack disturbed the victim", flush=True)
    return not failed


async def _run(only: str, verdict: Verdict) -> None:
    for name, attack in _FETCHING.items():
        if only in ("", name):
            await _scenario(name, attack(verdict), verdict)
    chosen = {name: attack for name, attack in _CALLS.items() if only in ("", name)}
    if not chosen:
        return
    with tempfile.TemporaryDirectory(prefix="probe-", ignore_cleanup_errors=True) as folder:
        async with running_system(Path(folder), verdict) as system:
            for name, run in chosen.items():
                await _scenario(name, run(await system.measured_anew()), verdict)


async def _scenario(name: str, work: Awaitable[None], verdict: Verdict) -> None:
    """Run one scenario; its own failure is a failed limit, and the next one runs."""
    try:
        async with asyncio.timeout(_SCENARIO_SECONDS):
            await work
    except Exception as error:  # noqa: BLE001 - whatever ends a scenario is its verdict
        verdict.fail(name, f"{type(error).__name__}: {error}"[:300])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", choices=["", *_FETCHING, *_CALLS], help="run this scenario alone")
    sys.exit(0 if asyncio.run(main(parser.parse_args().only)) else 1)
