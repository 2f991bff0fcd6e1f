"""Looks up receivers' names, each in a thread of its own: name servers that do not answer hold up nobody else.

The event loop's own look-ups share a few threads with everything else that the process looks up.
"""

import asyncio
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress


async def look_up(host: str, port: int) -> Sequence[str]:
    """Look a name up the way the operating system does.

    Raises:
        OSError: it has no address.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[Sequence[str]] = loop.create_future()

    def tell(addresses: Sequence[str], error: Exception | None) -> None:
        if found.done():
            return  # whoever asked has left
        if error is None:
            found.set_result(addresses)
        else:
            found.set_exception(error)

    def ask() -> None:
        addresses: list[str] = []
        failure: Exception | None = None
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            addresses = [str(address[0]) for *_, address in answers]
        except (OSError, UnicodeError) as error:
            failure = error
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(tell, addresses, failure)

    threading.Thread(target=ask, name="webhook-name", daemon=True).start()
    return await found
