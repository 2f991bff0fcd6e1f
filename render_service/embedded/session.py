"""A stack with its own workspace and API key, for trying the service."""

import asyncio
import secrets
import sys
from base64 import b64encode
from pathlib import Path

from render_service.db.access.api_keys import create_api_key
from render_service.embedded.stack import Stack

WORKSPACE = "demo"
DEVELOPMENT_TARGET = "127.0.0.1:50051"
"""Where `render-service dev` listens by default."""
_KEY_FILE = "api-key"
_WEBHOOK_KEY_FILE = "webhook-key"


def make_stack(data: Path, *, port: int | None, file_roots: tuple[Path, ...], http_port: int | None = None) -> Stack:
    """Return a stack that accepts `file://` assets from some folders and webhooks on this machine.

    The webhook signing key is created at the first start and kept in its data, mode 0600.

    Args:
        data: Folder for all data.
        port: Port of the gRPC server; None picks a free one.
        http_port: Port of the gateway to HTTP; None for none.
        file_roots: Where pictures and sounds may be read from.
    """
    environment = {
        "RENDER_FILE_ROOTS": ":".join(str(root.resolve()) for root in file_roots),
        "RENDER_WEBHOOK_KEYS": _webhook_key(data),
        "RENDER_WEBHOOK_ALLOWED_HOSTS": "127.0.0.1,::1,localhost",
    }
    return Stack(data, port=port, http_port=http_port, environment=environment)


def _webhook_key(data: Path) -> str:
    file = data / _WEBHOOK_KEY_FILE
    if not file.exists():
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        _keep(file, b64encode(secrets.token_bytes(32)).decode())
    return file.read_text(encoding="ascii")


async def key_of(stack: Stack) -> str:
    """Return the API key of a started stack for WORKSPACE; made at the first start, kept in its data, mode 0600."""
    file = stack.data_dir / _KEY_FILE
    if file.exists():
        return file.read_text(encoding="ascii")
    key = await create_api_key(stack.postgres.url, "development", frozenset({WORKSPACE}))
    await asyncio.to_thread(_keep, file, key)
    return key


def _keep(file: Path, key: str) -> None:
    file.touch(mode=0o600)
    file.write_text(key, encoding="ascii")


def grpcurl_line(target: str, key: str, method: str, request: str) -> str:
    """Return a command line that can be pasted into a shell in the current folder."""
    return f"{command('grpcurl')} -plaintext -H 'authorization: Bearer {key}' -d '{request}' {target} {method}"


def command(name: str) -> str:
    """Return how to call a program of this virtual environment from a shell that has not activated it."""
    program = Path(sys.executable).parent / name
    if not program.exists():
        return name
    return str(program.relative_to(Path.cwd())) if program.is_relative_to(Path.cwd()) else str(program)
