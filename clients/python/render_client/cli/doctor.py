"""`render doctor`: whether this client and the service fit, step by step."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING

from render_client.config import ClientConfig
from render_client.errors import AuthenticationError, PermissionDeniedError, RenderError

if TYPE_CHECKING:
    from render_client.cli.output import Output
    from render_client.cli.session import Connection


def examine(connection: Connection, output: Output) -> None:
    """Print versions and settings, and make one call that needs all of them.

    Raises:
        ConfigurationError: If a setting is invalid.
        RenderError: If the call fails; what is known by then has been printed.
    """
    packages = ", ".join(f"{name} {version(name)}" for name in ("protobuf", "grpcio"))
    output.finding(
        "client", f"render-client {version('render-client')}, Python {platform.python_version()}, {packages}"
    )
    config = connection.config()
    output.finding("target", config.target)
    output.finding("tls", "on" if config.credentials() is not None else "off")
    # The token itself is never printed.
    output.finding("token", "none" if config.token is None else "set")
    output.finding("workspace", config.workspace)
    try:
        with connection.client() as client:
            next(client.list(), None)
    except RenderError as error:
        output.finding("service", _verdict(error, config))
        raise
    output.finding("service", "reachable, and accepts the token for this workspace")


def _verdict(error: RenderError, config: ClientConfig) -> str:
    if isinstance(error, AuthenticationError):
        return "reachable, but refuses the token" if config.token else "reachable, but requires a token (RENDER_TOKEN)"
    if isinstance(error, PermissionDeniedError):
        return f"reachable, but the token may not read workspace {config.workspace} (RENDER_WORKSPACE)"
    return "not reachable" if error.connection_lost or not error.reason else "reachable, but the call failed"
