"""The gRPC listener: its address and options, health, and graceful shutdown."""

from typing import cast

import grpc
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio
from render_client.v1 import (
    batch_service_pb2,
    batch_service_pb2_grpc,
    brand_service_pb2,
    brand_service_pb2_grpc,
    project_service_pb2,
    project_service_pb2_grpc,
    render_service_pb2,
    render_service_pb2_grpc,
    webhook_service_pb2,
    webhook_service_pb2_grpc,
)

from render_service.config.settings import ConfigurationError, Settings
from render_service.server.auth.authenticator import Authenticator
from render_service.server.interceptors.authentication import Authentication
from render_service.server.interceptors.authorization import Authorization, is_open
from render_service.server.interceptors.base import Context, GuardedHandlers, Middleware
from render_service.server.interceptors.errors import ErrorMiddleware, JobLogContext
from render_service.server.interceptors.metrics import MetricsMiddleware
from render_service.server.interceptors.open_streams import OpenStreamLimit
from render_service.server.interceptors.rate_limits import QuotaCache, QuotaInterceptor
from render_service.server.interceptors.refusals import RefusalRecorder
from render_service.server.interceptors.requests import MAX_REQUEST_BYTES
from render_service.server.interceptors.tracing import TracingMiddleware
from render_service.server.reflection import add_reflection
from render_service.server.services.batches.service import BatchServicer
from render_service.server.services.brand import BrandServicer
from render_service.server.services.project import ProjectServicer
from render_service.server.services.render import RenderServicer
from render_service.server.services.webhook import WebhookServicer
from render_service.server.tls.loopback import is_loopback
from render_service.telemetry.tracing.spans import is_tracing

_GRACE_SECONDS = 5.0
SERVICES = (
    render_service_pb2.DESCRIPTOR.services_by_name["RenderService"].full_name,
    project_service_pb2.DESCRIPTOR.services_by_name["ProjectService"].full_name,
    webhook_service_pb2.DESCRIPTOR.services_by_name["WebhookService"].full_name,
    brand_service_pb2.DESCRIPTOR.services_by_name["BrandService"].full_name,
    batch_service_pb2.DESCRIPTOR.services_by_name["BatchService"].full_name,
)
# The published types of this package lack the message.
_HEALTH_LIST = vars(health_pb2)["HealthListResponse"]
_OPTIONS = (
    # A peer that froze or fell off the network is dropped within 9 s.
    ("grpc.keepalive_time_ms", 5_000),
    ("grpc.keepalive_timeout_ms", 4_000),
    ("grpc.http2.ping_timeout_ms", 4_000),
    # Clients may ping every 10 s; strictly below that is tolerated.
    ("grpc.http2.min_ping_interval_without_data_ms", 4_500),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
    # Only identity: gRPC decompresses before any code of ours can refuse the caller.
    ("grpc.compression_enabled_algorithms_bitset", 1),
)


class Health(health_aio.HealthServicer):
    """The health of each service, and of all of them together."""

    async def List(self, request: Message, context: Context) -> Message:  # noqa: N802 - named by the contract
        """Return the health of every service."""
        statuses = {name: await self.Check(health_pb2.HealthCheckRequest(service=name), context) for name in SERVICES}
        response: Message = _HEALTH_LIST(statuses=statuses)
        return response


class Listener:
    """A gRPC server with this service's RPCs, health and reflection.

    Args:
        authenticator: Authenticates callers; None admits everyone.
        renders: The RPCs of RenderService.
        projects: The RPCs of ProjectService.
        webhooks: The RPCs of WebhookService.
        brands: The RPCs of BrandService.
        batches: The RPCs of BatchService.
        quotas: The quotas of workspaces.
        refusals: Records calls that are refused for their credentials.
        measured: Whether calls are counted.
        tls: What ports with TLS need; None listens without it.
        serve_reflection: Whether to serve server reflection.
        max_streams: How many calls one connection may have open.
        max_connections: How many connections the server has open; further ones are closed at once.
        max_idle_seconds: How long a connection without calls stays open.
        shares_port: Whether several processes listen on the same port.
    """

    def __init__(
        self,
        authenticator: Authenticator | None,
        renders: RenderServicer,
        projects: ProjectServicer,
        webhooks: WebhookServicer,
        brands: BrandServicer,
        *,
        batches: BatchServicer,
        quotas: QuotaCache,
        refusals: RefusalRecorder,
        measured: bool = False,
        tls: grpc.ServerCredentials | None = None,
        serve_reflection: bool = True,
        max_streams: int = 1000,
        max_connections: int = 10_000,
        max_idle_seconds: float = 3600.0,
        shares_port: bool = False,
    ) -> None:
        self._tls = tls
        self._authentication = authentication = Authentication(authenticator, is_open)
        guard: Middleware = ErrorMiddleware(refusals)
        guard = MetricsMiddleware(guard) if measured else guard
        if is_tracing():
            guard = TracingMiddleware(guard)
        self.handlers = handlers = GuardedHandlers(
            guard, authentication, (OpenStreamLimit(), JobLogContext(), Authorization(), QuotaInterceptor(quotas))
        )
        """The handlers of all services, with all that guards them."""
        limits = (
            # Two services on one port would share its calls silently.
            ("grpc.so_reuseport", int(shares_port)),
            ("grpc.max_concurrent_streams", max_streams),
            ("grpc.max_allowed_incoming_connections", max_connections),
            ("grpc.max_connection_idle_ms", int(max_idle_seconds * 1000)),
        )
        self._health = Health()
        server = cast("grpc.aio.Server", handlers)
        render_service_pb2_grpc.add_RenderServiceServicer_to_server(renders, server)
        project_service_pb2_grpc.add_ProjectServiceServicer_to_server(projects, server)
        webhook_service_pb2_grpc.add_WebhookServiceServicer_to_server(webhooks, server)
        brand_service_pb2_grpc.add_BrandServiceServicer_to_server(brands, server)
        batch_service_pb2_grpc.add_BatchServiceServicer_to_server(batches, server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        health_name = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
        if serve_reflection:
            add_reflection((*SERVICES, health_name), server)
        self._server = grpc.aio.server(handlers=(handlers,), options=(*_OPTIONS, *limits))

    async def start(self, listen: str) -> int:
        """Listen and serve.

        Args:
            listen: host:port; port 0 picks a free one.

        Returns:
            The port.

        Raises:
            ConfigurationError: the address is taken or not of this machine.
        """
        try:
            if self._tls is not None:
                port = self._server.add_secure_port(listen, self._tls)
            else:
                port = self._server.add_insecure_port(listen)
        except RuntimeError:
            raise ConfigurationError(f"RENDER_LISTEN: cannot listen on {listen}") from None
        await self._server.start()
        await self.set_serving(True)
        return port

    async def check_sessions(self) -> None:
        """End open streams whose credentials are no longer valid, until cancelled."""
        await self._authentication.run()

    async def set_serving(self, ready: bool) -> None:
        """Say whether calls can be served, through the health of every service."""
        status = health_pb2.HealthCheckResponse.SERVING if ready else health_pb2.HealthCheckResponse.NOT_SERVING
        for service in ("", *SERVICES):
            await self._health.set(service, status)

    async def refuse(self) -> None:
        """Report NOT_SERVING to health checks, so that new calls go to other servers."""
        await self._health.enter_graceful_shutdown()

    async def stop(self) -> None:
        """Take no more calls and let those that run end."""
        await self._server.stop(_GRACE_SECONDS)


def check_listen(settings: Settings) -> list[str]:
    """Refuse to listen outside loopback without TLS or authentication, unless the settings allow it explicitly.

    Returns:
        What to warn of.

    Raises:
        ConfigurationError: it may not.
    """
    warnings = _check_address("RENDER_LISTEN", settings.listen, settings)
    if settings.http_listen is not None:
        warnings += _check_address("RENDER_HTTP_LISTEN", settings.http_listen, settings)
    return list(dict.fromkeys(warnings))


def _check_address(name: str, listen: str, settings: Settings) -> list[str]:
    host = listen.rpartition(":")[0].strip("[]")
    if not listen.rpartition(":")[2].isdigit() or not host:
        raise ConfigurationError(f"{name}: must be host:port, such as 127.0.0.1:50051")
    if is_loopback(host):
        return []
    warnings = []
    if not settings.auth_methods:
        if not settings.unauthenticated_listen:
            raise ConfigurationError(
                f"RENDER_AUTH: `off` beyond a loopback address ({name}) only with RENDER_UNAUTHENTICATED_LISTEN=true: "
                "anyone who can reach the port has full access"
            )
        warnings.append("listening beyond this machine: anyone who can reach the port has full access")
    if settings.tls_cert is None:
        if not settings.insecure_listen:
            raise ConfigurationError(
                f"{name}: beyond a loopback address only with RENDER_TLS_CERT and RENDER_TLS_KEY, or with "
                "RENDER_INSECURE_LISTEN=true behind something that adds TLS: keys would travel readable"
            )
        warnings.append("listening beyond this machine without TLS")
    return warnings
