"""Counts and measures calls."""

import time
from functools import lru_cache
from typing import TypeVar

from prometheus_client import Counter, Histogram

from render_service.server.interceptors.base import Call, Middleware, Work
from render_service.server.interceptors.outcome import Outcome
from render_service.telemetry.metrics.server import CALL_SECONDS, CALLS

T = TypeVar("T")
_MAX_CHILDREN = 1_000  # more than there are methods and codes


class MetricsMiddleware:
    """Counts calls by the status that they end with, and measures those with a single response.

    Args:
        within: The middleware that decides on the status.
    """

    def __init__(self, within: Middleware) -> None:
        self._within = within

    async def run(self, call: Call, work: Work[T]) -> T:
        """Count a call by its status."""
        began = time.perf_counter()
        outcome = Outcome()
        try:
            return await outcome.of(self._within, call, work)
        finally:
            _calls(call.method, outcome.code.name).inc()
            if not call.streaming:
                _seconds(call.method).observe(time.perf_counter() - began)


# Looking up a child takes longer than counting.
@lru_cache(maxsize=_MAX_CHILDREN)
def _calls(method: str, code: str) -> Counter:
    return CALLS.labels(method, code)


@lru_cache(maxsize=_MAX_CHILDREN)
def _seconds(method: str) -> Histogram:
    return CALL_SECONDS.labels(method)
