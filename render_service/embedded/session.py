"""A stack with a workspace and a key of its own, as people need it to try the service."""

import asyncio
import sys
from pathlib import Path

from render_service.db.api_keys import create_api_key
from render_service.embedded.stack import Stack

WORKSPACE = "demo"
DEVELOPMENT_TARGET = "127.0.0.1:50051"
"""Where `render-service dev` listens unless told otherwise."""
_KEY_FILE = "api-key"


def make_stack(data: Path, *, port: int | None, file_roots: tuple[Path, ...]) -> Stack:
    """Return a stack that takes `file://` assets from some folders.

    Args:
        data: Folder for all data.
        port: Port of the gRPC server; None picks a free one.
        file_roots: Where pictures and sounds may be read from.
    """
    roots = ":".join(str(root.resolve()) for root in file_roots)
    return Stack(data, port=port, environment={"RENDER_FILE_ROOTS": roots})


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
