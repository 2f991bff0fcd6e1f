"""Fetches one URI into one file: guarded, bounded, hashed on the way, and whole or not at all."""

import asyncio
import hashlib
import re
import secrets
import socket
import ssl
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import httpx

from render_service.domain.machine_faults import is_machine_fault
from render_service.fetch.certificates import public_authorities
from render_service.fetch.encoding import Decoder, EncodingBroken, decoder_for
from render_service.fetch.errors import DestinationForbidden, FetchError, FetchErrorKind
from render_service.fetch.limits import FetchAccount, FetchAccounts, FetchLimits
from render_service.fetch.local_file import open_local
from render_service.fetch.policy import FetchPolicy, quote_blanks, uri_fault
from render_service.fetch.resolver import Resolver, system_resolver
from render_service.fetch.transport import GuardedTransport, ResolutionTimeout

UNKNOWN_TYPE = "application/octet-stream"
WRITE_BYTES = 1024 * 1024
_HEADERS = {
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "Connection": "close",
    "User-Agent": "render-service",
}
_ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_RETRYABLE_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Fetched:
    """A fetched file: its path, its size in bytes, its SHA-256 in hexadecimal.

    `content_type` is what the server says (`application/octet-stream` if nothing) and proves nothing.
    """

    path: Path
    size_bytes: int
    sha256: str
    content_type: str


class Fetcher:
    """Fetches URIs by one policy, for many jobs at once.

    Args:
        policy: What may be fetched.
        limits: What jobs and workspaces may use.
        resolver: Resolves host names.
        tls: Trusted certificates; None for the public authorities (or `SSL_CERT_FILE`).
    """

    def __init__(
        self,
        policy: FetchPolicy,
        *,
        limits: FetchLimits | None = None,
        resolver: Resolver = system_resolver,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._policy = policy
        self._accounts = FetchAccounts(limits or FetchLimits())
        self._resolver = resolver
        self._tls = tls or public_authorities()

    @contextmanager
    def session(self, workspace_id: str) -> Iterator["FetchSession"]:
        """Yield what fetches the files of one job. Leave it when these files are removed, not before.

        Args:
            workspace_id: The job's workspace, whose shares of connections, DNS lookups and disk are used.
        """
        with self._accounts.open(workspace_id) as account:
            transport = GuardedTransport(
                self._policy, workspace_id=workspace_id, resolver=self._resolver, tls=self._tls
            )
            yield FetchSession(self._policy, transport, account, self._accounts.shares.of(workspace_id))


class FetchSession:
    """Fetches the files of one job; several fetches may run at once. Made by `Fetcher.session`."""

    def __init__(
        self, policy: FetchPolicy, transport: GuardedTransport, account: FetchAccount, share: asyncio.Semaphore
    ) -> None:
        self._policy = policy
        # The transport alone: a client would add proxies, cookies and redirects of its own.
        self._transport = transport
        self._account = account
        self._share = share
        idle = policy.idle_timeout.total_seconds()
        self._timeouts = httpx.Timeout(idle, connect=policy.connect_timeout.total_seconds()).as_dict()

    async def fetch(self, uri: str, destination: Path, *, max_bytes: int | None = None) -> Fetched:
        """Fetch a URI into a file.

        Args:
            uri: `https://`, and `http://` or `file://` where the policy allows them; at most 8,192 characters. Blanks
                in its path and query are percent-encoded.
            destination: The file to write, replacing any file there; its folder exists. It appears whole or not at all.
            max_bytes: Largest size in decoded bytes; None for the policy's.

        Returns:
            What was fetched.

        Raises:
            FetchError: It could not be fetched.
            OSError: The file could not be written, or this machine lacks what a connection takes.
        """
        limit = self._policy.max_bytes if max_bytes is None else max_bytes
        uri = quote_blanks(uri)
        fault = uri_fault(uri, self._policy)
        if fault is not None:
            raise FetchError(FetchErrorKind.FORBIDDEN, f"the URL {fault}")
        part = destination.with_name(f".{destination.name}.{secrets.token_hex(6)}.part")
        sink: _Sink | None = None
        whole = False
        try:
            async with self._share:
                with self._account.timed(), _create(part) as file:
                    sink = _Sink(file, limit, self._account)
                    if uri[:5].lower() == "file:":
                        content_type = await asyncio.to_thread(_copy_local, uri, self._policy, sink)
                    else:
                        content_type = await self._download(httpx.URL(uri), sink)
                    await asyncio.to_thread(sink.flush)
            part.replace(destination)
            whole = True
        finally:
            part.unlink(missing_ok=True)
            if sink is not None and not whole:
                self._account.give_back(sink.size)
        return Fetched(destination, sink.size, sink.digest.hexdigest(), content_type)

    async def _download(self, url: httpx.URL, sink: "_Sink") -> str:
        host = url.host
        try:
            async with asyncio.timeout(self._policy.total_timeout.total_seconds()):
                for _ in range(self._policy.max_redirects + 1):
                    async with aclosing(await self._respond(url, host)) as response:
                        if response.status_code not in _REDIRECTS:
                            return await _receive(response, host, sink)
                        url = self._next(url, response, host)
        except TimeoutError as error:
            raise _too_slow(host, self._policy.total_timeout.total_seconds()) from error
        except httpx.HTTPError as error:
            for cause in _causes(error):
                # Without file handles or threads, no host can be reached.
                if isinstance(cause, OSError) and is_machine_fault(cause):
                    raise cause from None
            raise _translated(error, host) from error
        raise FetchError(
            FetchErrorKind.TOO_MANY_REDIRECTS, f"{host} redirects more than {self._policy.max_redirects} times"
        )

    async def _respond(self, url: httpx.URL, host: str) -> httpx.Response:
        """Return the response to a GET once its headers are complete, whose arrival has a deadline of its own."""
        request = httpx.Request("GET", url, headers=_HEADERS, extensions={"timeout": self._timeouts})
        seconds = self._policy.response_timeout.total_seconds()
        try:
            async with asyncio.timeout(seconds):
                return await self._transport.handle_async_request(request)
        except TimeoutError as error:
            raise _too_slow(host, seconds) from error

    def _next(self, url: httpx.URL, response: httpx.Response, host: str) -> httpx.URL:
        location = quote_blanks(response.headers.get("location", "").strip(" "))
        try:
            target = str(url.join(location))
        except httpx.InvalidURL as error:
            raise FetchError(FetchErrorKind.BAD_ANSWER, f"{host} redirects to an invalid URL") from error
        # Checked both as it was written and as it was understood. A response from the network never leads to a file of
        # this machine, whatever callers may do.
        written = location if _ABSOLUTE.match(location) else target
        from_network = target[:5].lower() != "file:"
        if (
            not location
            or not from_network
            or uri_fault(written, self._policy) is not None
            or uri_fault(target, self._policy) is not None
        ):
            raise FetchError(FetchErrorKind.FORBIDDEN, f"{host} redirects to a URL that is not allowed")
        return httpx.URL(target)


class _Sink:
    """The file being written, with its size and hash; refuses to grow beyond its limits."""

    def __init__(self, file: BinaryIO, limit: int, account: FetchAccount) -> None:
        self.size = 0
        self.digest = hashlib.sha256()
        self.limit = limit
        self._file = file
        self._account = account
        self._pending = bytearray()

    def take(self, data: bytes) -> bool:
        """Accept bytes; returns whether it is time to `flush`, which may block."""
        self.check(self.size + len(data))
        self._account.take(len(data))
        self.size += len(data)
        self._pending += data
        return len(self._pending) >= WRITE_BYTES

    def check(self, size: int) -> None:
        """Refuse a size over the limit of a file."""
        if size > self.limit:
            raise FetchError(FetchErrorKind.TOO_LARGE, f"the file is larger than the {self.limit:,} bytes allowed")

    def flush(self) -> None:
        """Hash and write what was accepted."""
        self.digest.update(self._pending)
        self._file.write(self._pending)
        self._pending = bytearray()


async def _receive(response: httpx.Response, host: str, sink: _Sink) -> str:
    if response.status_code != 200:
        raise FetchError(
            FetchErrorKind.HTTP_STATUS,
            f"{host} answered {response.status_code}",
            retryable=response.status_code in _RETRYABLE_STATUSES,
            status=response.status_code,
        )
    announced = _announced_length(response)
    try:
        decoder = decoder_for(response.headers.get("content-encoding", ""))
        if announced is not None and decoder.is_identity:
            sink.check(announced)
        received = await _receive_body(response, decoder, sink)
    except EncodingBroken as error:
        raise FetchError(
            FetchErrorKind.BAD_ANSWER, f"{host} sent data that is not in the content encoding it names"
        ) from error
    except (httpx.RemoteProtocolError, httpx.ReadError) as error:
        raise FetchError(
            FetchErrorKind.TRUNCATED, f"{host} closed the connection before the end of the file", retryable=True
        ) from error
    if (announced is not None and received != announced) or not decoder.finished:
        raise FetchError(FetchErrorKind.TRUNCATED, f"{host} sent less than it announced", retryable=True)
    return response.headers.get("content-type", "").partition(";")[0].strip().lower() or UNKNOWN_TYPE


async def _receive_body(response: httpx.Response, decoder: Decoder, sink: _Sink) -> int:
    """Return how many bytes arrived, as they were encoded."""
    received = 0
    async for data in response.aiter_raw():
        received += len(data)
        for piece in decoder.decode(data):
            if sink.take(piece):
                await asyncio.to_thread(sink.flush)
    return received


def _create(path: Path) -> BinaryIO:
    """Open a new file. Not in a thread: one that is cancelled would create the file after its removal."""
    return path.open("wb")


def _announced_length(response: httpx.Response) -> int | None:
    text = response.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and "transfer-encoding" not in response.headers else None


def _copy_local(uri: str, policy: FetchPolicy, sink: _Sink) -> str:
    with open_local(uri, policy) as file:
        while data := file.read(WRITE_BYTES):
            if sink.take(data):
                sink.flush()
    return UNKNOWN_TYPE


def _too_slow(host: str, seconds: float) -> FetchError:
    """Not retryable: a host that answers too slowly for the deadline would hold a worker's slot each time."""
    return FetchError(FetchErrorKind.TIMED_OUT, f"{host} took longer than the {seconds:g} s allowed")


def _translated(error: httpx.HTTPError, host: str) -> FetchError:
    causes = _causes(error)
    if isinstance(error, DestinationForbidden):
        return FetchError(FetchErrorKind.FORBIDDEN, f"{host} is or redirects to a host that is not allowed")
    if any(isinstance(cause, ResolutionTimeout) for cause in causes):
        return FetchError(FetchErrorKind.TIMED_OUT, f"could not resolve host {host} in time", retryable=True)
    if isinstance(error, httpx.TimeoutException):
        return FetchError(FetchErrorKind.TIMED_OUT, f"{host} did not respond in time", retryable=True)
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return FetchError(FetchErrorKind.TLS, f"the TLS certificate of {host} is not trusted")
    if isinstance(error, httpx.ProtocolError):
        return FetchError(FetchErrorKind.BAD_ANSWER, f"{host} did not respond with HTTP", retryable=True)
    unknown = any(isinstance(cause, socket.gaierror) for cause in causes)
    permanent = any(isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME for cause in causes)
    return FetchError(
        FetchErrorKind.UNREACHABLE,
        f"could not resolve host {host}" if unknown else f"could not connect to {host}",
        retryable=not permanent,
    )


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and len(found) < 10:
        found.append(current)
        current = current.__cause__ or current.__context__
    return found
