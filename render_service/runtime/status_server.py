"""The status page: /metrics for Prometheus, /healthz and /readyz for probes."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus

from prometheus_client import CollectorRegistry, generate_latest

from render_service.runtime.http_server import HttpError, HttpRequest, HttpResponse, serve_http

_TEXT = "text/plain; version=0.0.4; charset=utf-8"


@asynccontextmanager
async def status_page(
    listen: str | None, registries: Sequence[CollectorRegistry], ready: Callable[[], bool]
) -> AsyncIterator[None]:
    """Serve the status page for as long as the block runs.

    Args:
        listen: host:port; None serves nothing.
        registries: The metrics of /metrics.
        ready: Whether /readyz responds with 200.

    Raises:
        ConfigurationError: The address is malformed, taken, or not of this machine.
    """
    if listen is None:
        yield
        return

    async def respond(request: HttpRequest) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            raise HttpError(HTTPStatus.METHOD_NOT_ALLOWED)
        match request.path:
            case "/metrics":
                metrics = b"".join(generate_latest(registry) for registry in registries)
                return HttpResponse(HTTPStatus.OK, metrics, _TEXT)
            case "/healthz":
                return HttpResponse(HTTPStatus.OK, b"alive\n", _TEXT)
            case "/readyz" if ready():
                return HttpResponse(HTTPStatus.OK, b"ready\n", _TEXT)
            case "/readyz":
                return HttpResponse(HTTPStatus.SERVICE_UNAVAILABLE, b"not ready\n", _TEXT)
        return HttpResponse(HTTPStatus.NOT_FOUND, b"not found\n", _TEXT)

    async with serve_http("RENDER_METRICS_LISTEN", listen, respond):
        yield
