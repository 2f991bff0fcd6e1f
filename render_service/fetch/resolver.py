"""Resolves host names as the operating system does, in its own threads, bounded for each workspace, with a cache.

The event loop's own lookups share a few threads with everything else in the process, and a thread is stuck for as long
as a name server does not answer. So each lookup here has its own thread, and a workspace has only a few of them:
names that are never answered delay neither other workspaces nor the rest of the process.
"""

import asyncio
import errno
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from render_service.fetch.shares import Shares

Resolver = Callable[[str, int, str], Awaitable[Sequence[str]]]
"""Resolves a host name for a port, on behalf of a workspace (empty: of the service itself).

Returns its IP addresses as text; raises OSError if there are none."""

_LOOKUPS_PER_WORKSPACE = 8
_FRESH_SECONDS = 30.0
_FAILURE_SECONDS = 5.0
_CACHED_NAMES = 4096


@dataclass(frozen=True, slots=True)
class _Answer:
    """The addresses of a name, or why there are none; `until` is on the monotonic clock."""

    addresses: Sequence[str]
    error: Exception | None
    until: float

    def result(self) -> Sequence[str]:
        if self.error is not None:
            raise type(self.error)(*self.error.args)  # a new one: an exception that is raised again grows its traceback
        return self.addresses


class SystemResolver:
    """Resolves through `getaddrinfo`: the hosts file, search domains and name servers of this machine apply.

    A caller that stops waiting leaves at once; its thread ends by the operating system's own time-out, and counts
    against the workspace until then. Whether the addresses may be connected to is checked by the caller, each time.

    Args:
        lookups_per_workspace: How many threads a workspace may occupy at a time; further lookups wait.
        fresh_seconds: How long addresses are cached.
        failure_seconds: How long a failure is cached.
    """

    def __init__(
        self,
        *,
        lookups_per_workspace: int = _LOOKUPS_PER_WORKSPACE,
        fresh_seconds: float = _FRESH_SECONDS,
        failure_seconds: float = _FAILURE_SECONDS,
    ) -> None:
        self._shares = Shares(lookups_per_workspace)
        self._fresh_seconds = fresh_seconds
        self._failure_seconds = failure_seconds
        self._cache: OrderedDict[tuple[str, int], _Answer] = OrderedDict()

    async def __call__(self, host: str, port: int, workspace_id: str) -> Sequence[str]:
        """Resolve a name.

        Args:
            host: The name, in ASCII.
            port: The port to connect to, 1–65535.
            workspace_id: The workspace whose share of lookups is used; empty for the service itself.

        Returns:
            IPv4 and IPv6 addresses, in the order of preference of the operating system.

        Raises:
            OSError: The name has no address, or no name server answered.
            UnicodeError: The name cannot be encoded.
        """
        answer = self._cached(host, port)
        if answer is None:
            share = self._shares.of(workspace_id)
            await share.acquire()
            answer = self._cached(host, port)  # it may have been resolved while this call waited
            if answer is None:
                answer = await self._look_up(host, port, share)
            else:
                share.release()
        return answer.result()

    def _cached(self, host: str, port: int) -> _Answer | None:
        answer = self._cache.get((host, port))
        return answer if answer is not None and time.monotonic() < answer.until else None

    async def _look_up(self, host: str, port: int, share: asyncio.Semaphore) -> _Answer:
        """Resolve in a new thread, which releases the share when it ends."""
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[_Answer] = loop.create_future()

        def finish(answer: _Answer) -> None:
            share.release()
            self._keep(host, port, answer)
            if not waiting.done():  # else the caller has been cancelled
                waiting.set_result(answer)

        def run() -> None:
            answer = self._ask(host, port)
            with suppress(RuntimeError):  # the event loop has ended meanwhile
                loop.call_soon_threadsafe(finish, answer)

        try:
            threading.Thread(target=run, name="resolver", daemon=True).start()
        except RuntimeError as error:
            share.release()
            raise OSError(errno.EAGAIN, "no thread left to resolve a name in") from error
        return await waiting

    def _ask(self, host: str, port: int) -> _Answer:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            return _Answer((), error, time.monotonic() + self._failure_seconds)
        addresses = tuple(str(address[0]) for *_, address in found)
        return _Answer(addresses, None, time.monotonic() + self._fresh_seconds)

    def _keep(self, host: str, port: int, answer: _Answer) -> None:
        self._cache[host, port] = answer
        self._cache.move_to_end((host, port))
        if len(self._cache) > _CACHED_NAMES:
            self._cache.popitem(last=False)


system_resolver: Resolver = SystemResolver()
"""The resolver of this process."""
