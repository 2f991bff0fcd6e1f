"""Free TCP ports on the loopback interface."""

import random
import socket

LOOPBACK = "127.0.0.1"

# Below the ephemeral ports of Linux and macOS (from 32768 and 49152), so that no client socket takes the port between
# the choice and the server's start.
_FIRST = 20_000
_LAST = 32_000
_TRIES = 200

_random = random.SystemRandom()
_returned: set[int] = set()


def free_port() -> int:
    """Choose a port on which nothing listens; this process never returns the same one twice.

    Returns:
        A port of 20000..32000, chosen at random so that concurrent processes do not collide.

    Raises:
        OSError: no free port was found.
    """
    for _ in range(_TRIES):
        port = _random.randint(_FIRST, _LAST)
        if port not in _returned and is_free(port):
            _returned.add(port)
            return port
    raise OSError(f"no free port between {_FIRST} and {_LAST} on {LOOPBACK}")


def is_free(port: int) -> bool:
    """Return whether a server could listen on this port of the loopback interface."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
