"""A TCP proxy between two parts of the service and cuts, delays or swallows what passes.

It understands just enough of Postgres' and Redis' protocols to know which statement or command passes. So a process can
be killed before a statement reaches Postgres, or after it was committed but before the reply arrives, without any
switch in the service itself.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from types import TracebackType
from typing import Self

from render_service.embedded.ports import LOOPBACK, free_port

_CHUNK = 64 * 1024
# Postgres, "Message Formats": requests before the start-up message, and ReadyForQuery, which follows the commit of a
# statement that is a transaction of its own.
_ENCRYPTION_REQUESTS = (80877103, 80877104)
_READY_FOR_QUERY = b"Z\x00\x00\x00\x05"


class Moment(Enum):
    """When a trap acts: before the statement takes effect, or after it did but before the reply arrives."""

    BEFORE = auto()
    AFTER = auto()


class Act(Enum):
    """What happens to the connection on which a trap acts."""

    CUT = auto()
    """It is closed; `BEFORE`: the statement never arrives, `AFTER`: its reply never does."""
    SWALLOW = auto()
    """It stays open, and nothing passes any more."""
    PASS = auto()
    """All goes on as if nothing had been."""


@dataclass(slots=True)
class Trap:
    """Waits for a statement to pass, and acts once.

    Attributes:
        text: A part of the statement's text, or of the command, that identifies it.
        moment: When to act.
        act: What becomes of the connection.
        spring: Called when it acts: kills or freezes somebody.
        parameter: A part of the statement's parameters; empty for any.
        skip: How many such statements pass before.
        sprung: Set once it has acted.
    """

    text: bytes
    moment: Moment
    act: Act = Act.CUT
    spring: Callable[[], None] = lambda: None
    parameter: bytes = b""
    skip: int = 0
    sprung: asyncio.Event = field(default_factory=asyncio.Event)


class Proxy:
    """Listens on a port of its own and passes on what arrives.

    Args:
        port: The port of 127.0.0.1 to pass on to.
        postgres: Whether Postgres' protocol is spoken: its statements are prepared once and then go by a name.
    """

    def __init__(self, port: int, *, postgres: bool = False) -> None:
        self.port = free_port()
        self.delay = 0.0
        """Seconds that each reply is held back."""
        self.traps: list[Trap] = []
        self._upstream = port
        self._postgres = postgres
        self._server: asyncio.Server | None = None
        self._lines: set[_Line] = set()
        self._swallowing = False

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()
        while self._lines:
            await asyncio.sleep(0.01)

    def cut(self) -> None:
        """Close every connection; new ones may be made."""
        for line in list(self._lines):
            line.cut()

    def swallow_replies(self) -> None:
        """Let no reply pass on any connection, old or new, until `heal`; requests still arrive."""
        self._swallowing = True

    def heal(self) -> None:
        """Let everything pass again; connections that lost a reply are closed."""
        self.delay = 0.0
        if self._swallowing:
            self._swallowing = False
            self.cut()

    def set_trap(self, trap: Trap) -> Trap:
        """Wait for a statement; returns the trap."""
        self.traps.append(trap)
        return trap

    def remove_trap(self, trap: Trap) -> None:
        """Wait for it no longer."""
        with contextlib.suppress(ValueError):
            self.traps.remove(trap)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            upstream = await asyncio.open_connection(LOOPBACK, self._upstream, limit=2**20)
        except OSError:
            writer.transport.abort()
            return
        line = _Line(self, (reader, writer), upstream, _PostgresText() if self._postgres else _PlainText())
        self._lines.add(line)
        try:
            await line.run()
        finally:
            self._lines.discard(line)

    def trap_for(self, texts: list[tuple[bytes, bytes]]) -> Trap | None:
        """Return the trap that acts on one of these statements with their parameters, if there is one."""
        for trap in self.traps:
            if any(trap.text in text and trap.parameter in parameters for text, parameters in texts):
                if trap.skip == 0:
                    self.traps.remove(trap)
                    return trap
                trap.skip -= 1
        return None

    @property
    def swallowing(self) -> bool:
        """Whether no reply passes."""
        return self._swallowing


_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Line:
    """One connection through a proxy."""

    def __init__(self, proxy: Proxy, client: _Streams, server: _Streams, texts: "_PostgresText | _PlainText") -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._texts = texts
        self._trap: Trap | None = None
        self._dead = False

    async def run(self) -> None:
        pumps = [asyncio.create_task(self._requests()), asyncio.create_task(self._replies())]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        self.cut()
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)

    def cut(self) -> None:
        for _, writer in (self._client, self._server):
            writer.transport.abort()

    async def _requests(self) -> None:
        with contextlib.suppress(OSError):
            while data := await self._client[0].read(_CHUNK):
                trap = self._proxy.trap_for(self._texts.read(data)) if self._trap is None else None
                if trap is not None and trap.moment is Moment.BEFORE:
                    if self._act(trap):
                        return
                elif trap is not None:
                    self._trap = trap
                if not self._dead:
                    self._server[1].write(data)
                    await self._server[1].drain()

    async def _replies(self) -> None:
        with contextlib.suppress(OSError):
            while data := await self._server[0].read(_CHUNK):
                if self._trap is not None and self._texts.is_end_of_reply(data):
                    trap, self._trap = self._trap, None
                    if self._act(trap):
                        return
                if self._proxy.delay:
                    await asyncio.sleep(self._proxy.delay)
                if not self._dead and not self._proxy.swallowing:
                    self._client[1].write(data)
                    await self._client[1].drain()

    def _act(self, trap: Trap) -> bool:
        """Spring a trap; return whether the connection is to be closed."""
        trap.spring()
        trap.sprung.set()
        self._dead = trap.act is Act.SWALLOW
        return trap.act is Act.CUT


class _PlainText:
    """A protocol whose commands are readable as they are, such as Redis'."""

    def read(self, data: bytes) -> list[tuple[bytes, bytes]]:
        return [(data, data)]

    def is_end_of_reply(self, data: bytes) -> bool:
        return bool(data)


class _PostgresText:
    """Postgres' protocol as a client speaks it: which statements are executed, with which parameters."""

    def __init__(self) -> None:
        self._buffer = b""
        self._started = False
        self._prepared: dict[bytes, bytes] = {}

    def read(self, data: bytes) -> list[tuple[bytes, bytes]]:
        """Take bytes, and return what is executed by them: text and parameters."""
        self._buffer += data
        executed = []
        while (message := self._next()) is not None:
            kind, body = message
            if kind == b"P":
                name, text, _ = body.split(b"\0", 2)
                self._prepared[name] = text
            elif kind == b"B":
                _, name, parameters = body.split(b"\0", 2)
                executed.append((self._prepared.get(name, b""), parameters))
            elif kind == b"Q":
                executed.append((body, b""))
        return executed

    def is_end_of_reply(self, data: bytes) -> bool:
        """Whether a piece of the reply says that the statement is done and committed."""
        return _READY_FOR_QUERY in data

    def _next(self) -> tuple[bytes, bytes] | None:
        head = 1 if self._started else 0
        if len(self._buffer) < head + 4:
            return None
        end = head + int.from_bytes(self._buffer[head : head + 4], "big")
        if len(self._buffer) < end:
            return None
        kind, body = self._buffer[:head], self._buffer[head + 4 : end]
        self._buffer = self._buffer[end:]
        if not self._started:
            self._started = int.from_bytes(body[:4], "big") not in _ENCRYPTION_REQUESTS
        return kind, body
