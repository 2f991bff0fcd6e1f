"""Counts and measures calls."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from render_service.server.interceptors.base import Call, Middleware
from render_service.server.interceptors.outcome import Outcome
from render_service.telemetry.metrics.server import CALL_SECONDS, CALLS


class MetricsMiddleware:
    """Counts calls by the status that they end with, and measures those with a single response.

    Args:
        within: The middleware that decides on the status.
    """

    def __init__(self, within: Middleware) -> None:
        self._within = within

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        """Count a call by its status."""
        began = time.perf_counter()
        outcome = Outcome()
        try:
            async with outcome.watched(self._within, call):
                yield
        finally:
            CALLS.labels(call.method, outcome.code.name).inc()
            if not call.streaming:
                CALL_SECONDS.labels(call.method).observe(time.perf_counter() - began)
