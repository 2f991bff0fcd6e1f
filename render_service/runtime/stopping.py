"""How a process learns that it is to stop. Loads nothing: a process listens before it does anything else."""

import asyncio
import signal
from collections.abc import Coroutine


def stop_event() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set from now on."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def finishes_before(stop: asyncio.Event, work: Coroutine[object, object, None]) -> bool:
    """Run some work, and cancel it if `stop` is set first.

    Returns:
        Whether the work finished. Raises what the work raises.
    """
    task, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    await asyncio.wait((task, stopping), return_when=asyncio.FIRST_COMPLETED)
    done = task.done()
    for unfinished in (task, stopping):
        unfinished.cancel()
    await asyncio.gather(task, stopping, return_exceptions=True)
    if done:
        task.result()
    return done
