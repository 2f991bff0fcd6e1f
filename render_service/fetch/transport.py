"""A transport for httpx that connects only where a policy allows, and to exactly the IP address that was checked.

- **Guard.** A name is resolved once for each connection; all its addresses must be allowed, and the connection goes to
  one of them by number. There is no second lookup that could answer otherwise (DNS rebinding). TLS still verifies the
  name. Every request is checked, and so is every redirect that a client follows.
- **One connection for each request.** It is closed when the response is closed, and at once when the request is
  cancelled or times out. Connections are not pooled: the pool of httpcore 1.x loses the slot of a request that is
  cancelled at certain moments, and a pool is what one slow host could use up for all others.
"""

import asyncio
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from types import TracebackType
from typing import Any

import httpcore
import httpx

from render_service.fetch.addresses import Address
from render_service.fetch.certificates import public_authorities
from render_service.fetch.errors import DestinationForbidden
from render_service.fetch.policy import FetchPolicy, parse_literal, url_fault
from render_service.fetch.resolver import Resolver, system_resolver

_SocketOption = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]


class ResolutionTimeout(httpcore.ConnectTimeout):
    """No name server answered within the connect time-out."""


class GuardedTransport(httpx.AsyncBaseTransport):
    """Sends each request over its own guarded connection. Raises `DestinationForbidden` for what the policy forbids.

    Give an `httpx.AsyncClient` upon it `trust_env=False`, so that no proxy from the environment replaces it. Time-outs
    are those of the request; they bound each step, so bound the whole with `asyncio.timeout`.

    Args:
        policy: Where connections may go.
        workspace_id: The workspace whose share of DNS lookups is used; empty for the service itself.
        resolver: Resolves host names.
        tls: Trusted certificates; None for the public authorities (or `SSL_CERT_FILE`).
    """

    def __init__(
        self,
        policy: FetchPolicy,
        *,
        workspace_id: str = "",
        resolver: Resolver = system_resolver,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._policy = policy
        self._workspace_id = workspace_id
        self._resolver = resolver
        self._tls = tls or public_authorities()
        self._open: set[_Connector] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return the response; its body is read from the connection, and closing it closes that."""
        fault = url_fault(request.url, self._policy)
        if fault is not None:
            raise DestinationForbidden(f"the URL {fault}", request=request)
        if not isinstance(request.stream, httpx.AsyncByteStream):
            raise TypeError("an async client sends async bodies")
        url = request.url
        core = httpcore.Request(
            method=request.method,
            url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        connector = _Connector(self._policy, self._resolver, self._workspace_id)
        connection = httpcore.AsyncHTTPConnection(core.url.origin, ssl_context=self._tls, network_backend=connector)
        self._open.add(connector)
        try:
            with _as_httpx(request):
                response = await connection.handle_async_request(core)
        except BaseException:
            await self._close(connector)
            raise
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(response, request, self, connector),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Close all connections."""
        for connector in list(self._open):
            await self._close(connector)

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.aclose()

    async def _close(self, connector: "_Connector") -> None:
        self._open.discard(connector)
        await connector.aclose()


class _Body(httpx.AsyncByteStream):
    """The body of a response; closing it closes the connection."""

    def __init__(
        self,
        response: httpcore.Response,
        request: httpx.Request,
        transport: GuardedTransport,
        connector: "_Connector",
    ) -> None:
        self._response = response
        self._request = request
        self._transport = transport
        self._connector = connector

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if not isinstance(self._response.stream, AsyncIterable):
            raise TypeError("an async connection gives async bodies")
        with _as_httpx(self._request):
            async for part in self._response.stream:
                yield part

    async def aclose(self) -> None:
        await self._transport._close(self._connector)  # noqa: SLF001 - the body is a part of the transport


class _Connector(httpcore.AsyncNetworkBackend):
    """Opens the connection of one request, where the policy allows it, and closes it."""

    def __init__(self, policy: FetchPolicy, resolver: Resolver, workspace_id: str) -> None:
        self._policy = policy
        self._resolver = resolver
        self._workspace_id = workspace_id
        self._network = httpcore.AnyIOBackend()
        self._streams: list[httpcore.AsyncNetworkStream] = []

    async def aclose(self) -> None:
        """Close what was opened, without a farewell: the other side may not be listening.

        Needed because a cancelled request leaves its connection open: httpcore closes it on errors, but not on
        cancellation. Shielded, so that a second cancellation does not leave it open either.
        """
        streams, self._streams = self._streams, []
        closing = [asyncio.ensure_future(stream.aclose()) for stream in streams]
        if closing:
            await asyncio.shield(asyncio.gather(*closing, return_exceptions=True))

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface of httpcore
        local_address: str | None = None,
        socket_options: Iterable[_SocketOption] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self._resolve(host, port, timeout)
        if not all(self._policy.allows_address(address) for address in addresses):
            # One forbidden address is enough: names with both kinds are made to get in by chance.
            raise DestinationForbidden("the host has an address that is private, local or reserved")
        for number, address in enumerate(addresses, 1):
            try:
                stream = await self._network.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if number == len(addresses):
                    raise
                continue
            self._streams.append(stream)
            peer: Any = stream.get_extra_info("server_addr")
            if peer is None or ip_address(peer[0]) != address:
                raise DestinationForbidden("the connection went to another address than the one that was checked")
            return stream
        raise httpcore.ConnectError("the host has no address")

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)

    async def _resolve(self, host: str, port: int, seconds: float | None) -> list[Address]:
        literal = parse_literal(host)
        if literal is not None:
            return [literal]
        try:
            async with asyncio.timeout(seconds):
                found = await self._resolver(host, port, self._workspace_id)
        except TimeoutError as error:
            raise ResolutionTimeout("resolving the name took too long") from error
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError("the name cannot be resolved") from error
        return list(dict.fromkeys(ip_address(text) for text in found))


@contextmanager
def _as_httpx(request: httpx.Request) -> Iterator[None]:
    """Raise httpcore's errors as httpx's of the same name, which clients of httpx expect."""
    try:
        yield
    except DestinationForbidden as error:
        error.request = request
        raise
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, httpcore.ProxyError) as error:
        for kind in type(error).__mro__:
            counterpart = getattr(httpx, kind.__name__, None)
            if isinstance(counterpart, type) and issubclass(counterpart, httpx.TransportError):
                raise counterpart(str(error), request=request) from error
        raise
