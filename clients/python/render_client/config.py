"""How to reach a render service: address, credentials, workspace, and the settings of the connection."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

from render_client.retry import RetryPolicy

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from typing_extensions import Self

DEFAULT_TARGET = "127.0.0.1:50051"
DEFAULT_WORKSPACE = "default"
DEFAULT_TIMEOUT = 10.0

MetadataHook = Callable[[], Iterable[tuple[str, str]]]
"""Returns additional metadata for a call, such as the `traceparent` of the current span."""

_SETTINGS = ("target", "token", "workspace", "tls", "timeout")


class ConfigurationError(ValueError):
    """A setting is invalid; the message names it and its source."""


@dataclass(frozen=True)
class TLS:
    """TLS with custom settings.

    Attributes:
        root_certificates: PEM of the authorities to trust; None means gRPC's defaults.
        certificate_chain: PEM of the client's own certificate, for mutual TLS.
        private_key: PEM of the private key of certificate_chain.
        server_name: Name to expect in the server's certificate, if it differs from the target's.
    """

    root_certificates: bytes | None = None
    certificate_chain: bytes | None = None
    private_key: bytes | None = field(default=None, repr=False)
    server_name: str | None = None


@dataclass(frozen=True)
class ClientConfig:
    """Configuration of a client.

    Attributes:
        target: gRPC target: `host:port`, `dns:///host:port` or `unix:/path/to/socket`.
        token: API key or JWT sent as `authorization: Bearer …`; None sends no token.
        workspace: Workspace of every call.
        tls: True or a `TLS` for TLS, False for plaintext; None means plaintext for a loopback target and TLS for any
            other, so that a token is never sent over a network unencrypted by accident.
        timeout: Seconds for each unary call, including its retries; > 0.
        retry: Retry policy.
        more_metadata: Called before each attempt; returns additional metadata to send, with lower-case names.
    """

    target: str = DEFAULT_TARGET
    token: str | None = field(default=None, repr=False)
    workspace: str = DEFAULT_WORKSPACE
    tls: bool | TLS | None = None
    timeout: float = DEFAULT_TIMEOUT
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    more_metadata: MetadataHook | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ConfigurationError: If a value can never work.
        """
        for name in ("target", "token"):
            if fault := _fault(name, getattr(self, name)):
                raise ConfigurationError(f"{name}: {fault}")
        if not 0 < self.timeout < float("inf"):
            raise ConfigurationError(f"timeout: must be a number of seconds above 0: {self.timeout}")

    @classmethod
    def load(cls, flags: Mapping[str, str | None] | None = None, environment: Mapping[str, str] | None = None) -> Self:
        """Load settings from flags, the environment, the configuration file and the defaults, in order of precedence.

        The environment variables are RENDER_TARGET, RENDER_TOKEN, RENDER_WORKSPACE, RENDER_TLS and RENDER_TIMEOUT; the
        file is TOML with the same names in lower case without the prefix, at RENDER_CLIENT_CONFIG or, if unset, at
        `render/config.toml` under XDG_CONFIG_HOME or `~/.config`. `tls` is `on`, `off`, or the path of a PEM file with
        the authorities to trust; `timeout` is seconds.

        Args:
            flags: Command-line settings, by name; None values are ignored.
            environment: Environment variables; None means those of the process.

        Returns:
            The configuration.

        Raises:
            ConfigurationError: If a setting is invalid or a file cannot be read.
        """
        environment = os.environ if environment is None else environment
        merged = {name: (value, "config file") for name, value in _read_file(environment).items()}
        for name in _SETTINGS:
            if value := environment.get(f"RENDER_{name.upper()}"):
                merged[name] = (value, f"RENDER_{name.upper()}")
            if (flag := (flags or {}).get(name)) is not None:
                merged[name] = (flag, f"--{name}")
        config = cls()
        for name, (value, source) in merged.items():
            if fault := _fault(name, value):
                raise ConfigurationError(f"{name} ({source}): {fault}")
            if name == "tls":
                config = replace(config, tls=_parse_tls(value, source))
            elif name == "timeout":
                config = replace(config, timeout=_parse_timeout(value, source))
            elif name == "token":
                config = replace(config, token=value)
            elif name == "target":
                config = replace(config, target=value)
            else:
                config = replace(config, workspace=value)
        return config

    def metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        """Return the metadata for one attempt of a call."""
        more = tuple(self.more_metadata()) if self.more_metadata else ()
        # gRPC rejects call credentials on a plaintext channel, even over loopback.
        return (*more, ("authorization", f"Bearer {self.token}")) if self.token else more

    def credentials(self) -> grpc.ChannelCredentials | None:
        """Credentials of the channel; None for plaintext."""
        tls = not self._is_local() if self.tls is None else self.tls
        if tls is False:
            return None
        tls = TLS() if tls is True else tls
        return grpc.ssl_channel_credentials(tls.root_certificates, tls.private_key, tls.certificate_chain)

    def channel_options(self) -> list[tuple[str, str | int]]:
        """Options of the channel: see https://grpc.github.io/grpc/core/group__grpc__arg__keys.html."""
        options: list[tuple[str, str | int]] = [
            # Detects a dead server after 20 + 10 s, even while a watch is idle.
            ("grpc.keepalive_time_ms", 20_000),
            ("grpc.http2.ping_timeout_ms", 10_000),
            ("grpc.http2.max_pings_without_data", 0),
            # By default gRPC waits up to two minutes before it reconnects.
            ("grpc.initial_reconnect_backoff_ms", 200),
            ("grpc.max_reconnect_backoff_ms", 5_000),
            # A page of 100 jobs with their providers' responses may exceed the default of 4 MiB.
            ("grpc.max_receive_message_length", 16 * 1024 * 1024),
            ("grpc.primary_user_agent", "render-client"),
        ]
        if self._is_local():
            options.append(("grpc.enable_http_proxy", 0))
        if isinstance(self.tls, TLS) and self.tls.server_name:
            options.append(("grpc.ssl_target_name_override", self.tls.server_name))
        return options

    def _is_local(self) -> bool:
        if self.target.startswith(("unix:", "unix-abstract:")):
            return True
        address = self.target.rpartition("/")[2].removeprefix("ipv4:").removeprefix("ipv6:").removeprefix("dns:")
        host = address if address.count(":") > 1 and "]" not in address else address.rpartition(":")[0] or address
        return host == "localhost" or host.startswith("127.") or host.strip("[]") == "::1"


def _fault(name: str, value: str | None) -> str | None:
    """Return what is wrong with a target or a token that can never work; None for any other setting."""
    if name == "target":
        return _target_fault(value or "")
    # The token itself is not part of the message.
    if name != "token" or value is None:
        return None
    if "\n" in value or "\r" in value:
        return "contains a line end; pass only the token itself"
    if not value.isascii() or not value.isprintable() or " " in value:
        return "contains a space, a control character or a non-ASCII character"
    return None


def _target_fault(target: str) -> str | None:
    if not target.strip():
        return "empty; pass host:port or unix:PATH"
    scheme, separator, rest = target.partition("://")
    if separator and scheme.lower() in ("http", "https"):
        host = rest.partition("/")[0]
        # Without a port, a URL means that of its scheme.
        port = "" if ":" in host.rpartition("]")[2] else ":443" if scheme.lower() == "https" else ":80"
        return f"{target!r} is a URL; pass host:port, such as {host}{port}"
    if any(character.isspace() for character in target):
        return f"{target!r} contains a space or a line end"
    return None


def _read_file(environment: Mapping[str, str]) -> dict[str, str]:
    given = environment.get("RENDER_CLIENT_CONFIG")
    home = environment.get("XDG_CONFIG_HOME") or "~/.config"
    path = Path(given or f"{home}/render/config.toml").expanduser()
    if not given and not path.is_file():
        return {}
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    unknown = [name for name in settings if name not in _SETTINGS]
    if unknown:
        raise ConfigurationError(f"{path}: unknown setting {unknown[0]!r}; known are {', '.join(_SETTINGS)}")
    return {name: _as_text(value) for name, value in settings.items()}


def _as_text(value: object) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


def _parse_tls(value: str, source: str) -> bool | TLS:
    word = value.strip().lower()
    if word in ("on", "true", "1", "yes"):
        return True
    if word in ("off", "false", "0", "no"):
        return False
    try:
        return TLS(root_certificates=Path(value).expanduser().read_bytes())
    except OSError as error:
        raise ConfigurationError(f"tls ({source}): {value!r} is not on, off or a readable PEM file") from error


def _parse_timeout(value: str, source: str) -> float:
    try:
        timeout = float(value)
    except ValueError:
        timeout = 0.0
    if not 0 < timeout < float("inf"):
        raise ConfigurationError(f"timeout ({source}): {value!r} is not a number of seconds above 0")
    return timeout
