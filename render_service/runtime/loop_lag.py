"""Measures how long the event loop keeps its tasks waiting: while it is busy, leases lapse and watches stand still."""

import asyncio

from render_service.telemetry.logging import get_logger
from render_service.telemetry.metrics.shared import EVENT_LOOP_LAG_SECONDS

STALL_SECONDS = 0.1
"""A lag that should never happen."""

_log = get_logger(__name__)
_INTERVAL_SECONDS = 0.05
_QUIET_SECONDS = 10.0


class LoopLagMonitor:
    """Observes the lag of the running event loop until cancelled."""

    def __init__(self) -> None:
        self.worst = 0.0
        """The longest lag so far, in seconds."""

    async def run(self) -> None:
        """Observe the lag some twenty times a second, and log stalls at most every ten seconds."""
        loop = asyncio.get_running_loop()
        logged = -_QUIET_SECONDS
        while True:
            due = loop.time() + _INTERVAL_SECONDS
            await asyncio.sleep(_INTERVAL_SECONDS)
            now = loop.time()
            lag = max(0.0, now - due)
            EVENT_LOOP_LAG_SECONDS.observe(lag)
            self.worst = max(self.worst, lag)
            if lag > STALL_SECONDS and now - logged > _QUIET_SECONDS:
                logged = now
                _log.warning("event loop stalled", seconds=round(lag, 3))
