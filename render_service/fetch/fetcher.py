"""Fetches one URI into one file: guarded, bounded, hashed on the way, and whole or not at all."""

import asyncio
import hashlib
import re
import secrets
import socket
import ssl
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import httpx

from render_service.fetch.encoding import EncodingBroken, Identity, Zlib, decoder_for
from render_service.fetch.errors import DestinationForbidden, FetchError, FetchErrorKind
from render_service.fetch.local_file import open_local
from render_service.fetch.policy import FetchPolicy, uri_fault
from render_service.fetch.transport import Resolver, guarded_transport, system_resolver

UNKNOWN_TYPE = "application/octet-stream"
WRITE_BYTES = 1024 * 1024
_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "render-service"}
_ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_WORTH_REPEATING = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that was fetched: where it lies, its size in bytes, its SHA-256 in hexadecimal.

    `content_type` is the sender's word (`application/octet-stream` if it gave none) and proves nothing.
    """

    path: Path
    size_bytes: int
    sha256: str
    content_type: str


class Fetcher:
    """Fetches URIs by one policy. Used as an async context manager; several fetches may run at once.

    Args:
        policy: What may be fetched.
        resolver: Looks up names.
        tls: Trusted certificates; None for the public authorities (or `SSL_CERT_FILE`).
    """

    def __init__(
        self, policy: FetchPolicy, *, resolver: Resolver = system_resolver, tls: ssl.SSLContext | None = None
    ) -> None:
        self._policy = policy
        idle = policy.idle_timeout.total_seconds()
        self._timeouts = httpx.Timeout(idle, connect=policy.connect_timeout.total_seconds()).as_dict()
        # No client upon it: that would bring proxies, cookies and redirects of its own.
        self._transport = guarded_transport(policy, resolver=resolver, tls=tls)

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self._transport.__aexit__(exc_type, exc_value, traceback)

    async def fetch(self, uri: str, destination: Path, *, max_bytes: int | None = None) -> Fetched:
        """Fetch a URI into a file.

        Args:
            uri: `https://`, and `http://` or `file://` where the policy allows them; at most 8,192 characters.
            destination: The file to write, over what was there; its folder exists. It appears whole or not at all.
            max_bytes: Largest size in decoded bytes; None for the policy's.

        Returns:
            What was fetched.

        Raises:
            FetchError: It could not be fetched.
            OSError: The file could not be written.
        """
        limit = self._policy.max_bytes if max_bytes is None else max_bytes
        fault = uri_fault(uri, self._policy)
        if fault is not None:
            raise FetchError(FetchErrorKind.FORBIDDEN, f"The address {fault}.")
        part = destination.with_name(f".{destination.name}.{secrets.token_hex(6)}.part")
        try:
            with await asyncio.to_thread(part.open, "wb") as file:
                sink = _Sink(file, limit)
                if uri[:5].lower() == "file:":
                    content_type = await asyncio.to_thread(_copy_local, uri, self._policy, sink)
                else:
                    content_type = await self._download(httpx.URL(uri), sink)
                await asyncio.to_thread(sink.flush)
            part.replace(destination)
        finally:
            part.unlink(missing_ok=True)
        return Fetched(destination, sink.size, sink.digest.hexdigest(), content_type)

    async def _download(self, url: httpx.URL, sink: "_Sink") -> str:
        host = url.host
        try:
            async with asyncio.timeout(self._policy.total_timeout.total_seconds()):
                for _ in range(self._policy.max_redirects + 1):
                    request = httpx.Request("GET", url, headers=_HEADERS, extensions={"timeout": self._timeouts})
                    async with aclosing(await self._transport.handle_async_request(request)) as response:
                        if response.status_code not in _REDIRECTS:
                            return await _receive(response, host, sink)
                        url = self._next(url, response, host)
        except TimeoutError as error:
            seconds = self._policy.total_timeout.total_seconds()
            raise _timed_out(f"{host} took longer than {seconds:g} s.") from error
        except httpx.HTTPError as error:
            raise _translated(error, host) from error
        raise FetchError(
            FetchErrorKind.TOO_MANY_REDIRECTS, f"{host} redirects more than {self._policy.max_redirects} times."
        )

    def _next(self, url: httpx.URL, response: httpx.Response, host: str) -> httpx.URL:
        location = response.headers.get("location", "")
        try:
            target = str(url.join(location))
        except httpx.InvalidURL as error:
            raise FetchError(FetchErrorKind.BAD_ANSWER, f"{host} redirects to no address.") from error
        # Looked at both as it was written and as it was understood. An answer from the network never leads to a file of
        # this machine, whatever callers may do.
        written = location if _ABSOLUTE.match(location) else target
        from_network = target[:5].lower() != "file:"
        if (
            not location
            or not from_network
            or uri_fault(written, self._policy) is not None
            or uri_fault(target, self._policy) is not None
        ):
            raise FetchError(FetchErrorKind.FORBIDDEN, f"{host} redirects to an address that is not allowed.")
        return httpx.URL(target)


class _Sink:
    """The file being written, with its size and hash; refuses to grow beyond a limit."""

    def __init__(self, file: BinaryIO, limit: int) -> None:
        self.size = 0
        self.digest = hashlib.sha256()
        self.limit = limit
        self._file = file
        self._pending = bytearray()

    def take(self, data: bytes) -> bool:
        """Accept bytes; returns whether it is time to `flush`, which may block."""
        self.size += len(data)
        self.check(self.size)
        self._pending += data
        return len(self._pending) >= WRITE_BYTES

    def check(self, size: int) -> None:
        """Refuse a size over the limit."""
        if size > self.limit:
            raise FetchError(FetchErrorKind.TOO_LARGE, f"The file is larger than the {self.limit:,} bytes allowed.")

    def flush(self) -> None:
        """Hash and write what was accepted."""
        self.digest.update(self._pending)
        self._file.write(self._pending)
        self._pending = bytearray()


async def _receive(response: httpx.Response, host: str, sink: _Sink) -> str:
    if response.status_code != 200:
        raise FetchError(
            FetchErrorKind.HTTP_STATUS,
            f"{host} answered {response.status_code}.",
            retryable=response.status_code in _WORTH_REPEATING,
            status=response.status_code,
        )
    decoder = decoder_for(response.headers.get("content-encoding", ""))
    if decoder is None:
        raise FetchError(FetchErrorKind.BAD_ANSWER, f"{host} answered in an encoding that was not asked for.")
    announced = _announced_length(response)
    if announced is not None and isinstance(decoder, Identity):
        sink.check(announced)
    received = await _receive_body(response, host, decoder, sink)
    if (announced is not None and received != announced) or not decoder.finished:
        raise FetchError(FetchErrorKind.TRUNCATED, f"{host} sent less than it announced.", retryable=True)
    return response.headers.get("content-type", "").partition(";")[0].strip().lower() or UNKNOWN_TYPE


async def _receive_body(response: httpx.Response, host: str, decoder: Identity | Zlib, sink: _Sink) -> int:
    """Return how many bytes came, as they were encoded."""
    received = 0
    try:
        async for data in response.aiter_raw():
            received += len(data)
            for piece in decoder.decode(data):
                if sink.take(piece):
                    await asyncio.to_thread(sink.flush)
    except EncodingBroken as error:
        raise FetchError(FetchErrorKind.BAD_ANSWER, f"{host} sent a broken encoding.") from error
    except (httpx.RemoteProtocolError, httpx.ReadError) as error:
        raise FetchError(FetchErrorKind.TRUNCATED, f"{host} broke off while sending.", retryable=True) from error
    return received


def _announced_length(response: httpx.Response) -> int | None:
    text = response.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and "transfer-encoding" not in response.headers else None


def _copy_local(uri: str, policy: FetchPolicy, sink: _Sink) -> str:
    with open_local(uri, policy) as file:
        while data := file.read(WRITE_BYTES):
            if sink.take(data):
                sink.flush()
    return UNKNOWN_TYPE


def _timed_out(message: str) -> FetchError:
    return FetchError(FetchErrorKind.TIMED_OUT, message, retryable=True)


def _translated(error: httpx.HTTPError, host: str) -> FetchError:
    causes = _causes(error)
    if isinstance(error, DestinationForbidden):
        return FetchError(FetchErrorKind.FORBIDDEN, f"{host} is, or leads to, an address that is not allowed.")
    if isinstance(error, httpx.TimeoutException):
        return _timed_out(f"{host} does not answer in time.")
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return FetchError(FetchErrorKind.TLS, f"{host} cannot prove its identity over TLS.")
    if isinstance(error, httpx.ProtocolError):
        return FetchError(FetchErrorKind.BAD_ANSWER, f"{host} does not answer as a web server does.", retryable=True)
    unknown = any(isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME for cause in causes)
    return FetchError(
        FetchErrorKind.UNREACHABLE,
        f"{host} is not known." if unknown else f"{host} cannot be reached.",
        retryable=not unknown,
    )


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and len(found) < 10:
        found.append(current)
        current = current.__cause__ or current.__context__
    return found
