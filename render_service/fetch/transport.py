"""A transport for httpx that connects only where a policy allows, and to exactly the address that was checked.

A name is looked up once for each connection; every address found must be allowed, and the connection goes to one of
them by number. So there is no second look-up that could answer otherwise (DNS rebinding). TLS still verifies the name.
Each request passes the gate, hence also every redirect that a client follows.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from types import TracebackType
from typing import Any, Self

import httpcore
import httpx

from render_service.fetch.addresses import Address
from render_service.fetch.errors import DestinationForbidden
from render_service.fetch.policy import FetchPolicy, parse_literal, url_fault
from render_service.fetch.uncancellable_requests import UncancellableRequests

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Looks up a host name for a port and returns its IP addresses as text; raises OSError if there are none."""

_SocketOption = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]


async def system_resolver(host: str, port: int) -> Sequence[str]:
    """Look a name up the way the operating system does."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def guarded_transport(
    policy: FetchPolicy,
    *,
    resolver: Resolver = system_resolver,
    tls: ssl.SSLContext | None = None,
    max_connections: int = 100,
) -> httpx.AsyncBaseTransport:
    """Make a transport for an `httpx.AsyncClient` of one's own.

    Give that client `trust_env=False`, so that no proxy from the environment is used in place of this transport.

    Args:
        policy: Where connections may go; its time-outs are the fetcher's, here the client's own apply.
        resolver: Looks up names.
        tls: Trusted certificates; None for the public authorities (or `SSL_CERT_FILE`).
        max_connections: How many there may be at a time; further requests wait.

    Returns:
        A transport that raises `DestinationForbidden` for what the policy forbids.
    """
    return _GuardedTransport(policy, resolver, tls or httpx.create_ssl_context(), max_connections)


class _GuardedTransport(httpx.AsyncBaseTransport):
    def __init__(self, policy: FetchPolicy, resolver: Resolver, tls: ssl.SSLContext, max_connections: int) -> None:
        self._policy = policy
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=max_connections,
            max_keepalive_connections=20,
            keepalive_expiry=5.0,
            network_backend=_GuardedBackend(policy, resolver),
        )
        self._requests = UncancellableRequests()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        fault = url_fault(request.url, self._policy)
        if fault is not None:
            raise DestinationForbidden(f"the address {fault}", request=request)
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
        with _as_httpx(request):
            response = await self._requests.run(self._pool.handle_async_request(core), httpcore.Response.aclose)
        if not isinstance(response.stream, AsyncIterable):
            raise TypeError("an async pool gives async bodies")
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(response, request, self._requests),
            extensions=response.extensions,
        )

    async def __aenter__(self) -> Self:
        await self._pool.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self._requests.close()
        await self._pool.__aexit__(exc_type, exc_value, traceback)

    async def aclose(self) -> None:
        await self._requests.close()
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, response: httpcore.Response, request: httpx.Request, requests: UncancellableRequests) -> None:
        self._response = response
        self._request = request
        self._requests = requests

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx(self._request):
            async for part in self._response.aiter_stream():
                yield part

    async def aclose(self) -> None:
        await self._requests.run(self._response.aclose())


class _GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens connections for the pool: the one place where names become addresses."""

    def __init__(self, policy: FetchPolicy, resolver: Resolver) -> None:
        self._policy = policy
        self._resolver = resolver
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface of httpcore
        local_address: str | None = None,
        socket_options: Iterable[_SocketOption] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self._look_up(host, port, timeout)
        if not all(self._policy.allows_address(address) for address in addresses):
            # One address inside is enough: names that answer with both are made to get in by chance.
            raise DestinationForbidden("the host has an address that is private, local or reserved")
        for number, address in enumerate(addresses, 1):
            try:
                stream = await self._network.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if number == len(addresses):
                    raise
                continue
            return await self._confirmed(stream, address)
        raise httpcore.ConnectError("the host has no address")

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)

    async def _look_up(self, host: str, port: int, seconds: float | None) -> list[Address]:
        literal = parse_literal(host)
        if literal is not None:
            return [literal]
        try:
            async with asyncio.timeout(seconds):
                found = await self._resolver(host, port)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout("looking up the name took too long") from error
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError("the name cannot be looked up") from error
        return list(dict.fromkeys(ip_address(text) for text in found))

    async def _confirmed(self, stream: httpcore.AsyncNetworkStream, address: Address) -> httpcore.AsyncNetworkStream:
        peer: Any = stream.get_extra_info("server_addr")
        if peer is None or ip_address(peer[0]) != address:
            await stream.aclose()
            raise DestinationForbidden("the connection went to another address than the one that was checked")
        return stream


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
