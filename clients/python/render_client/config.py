"""How to reach a render service: address, credentials, workspace, and the settings of the connection."""

import os
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import grpc

from render_client.retry import RetryPolicy

DEFAULT_TARGET = "127.0.0.1:50051"
DEFAULT_WORKSPACE = "default"
DEFAULT_TIMEOUT = 10.0

MetadataHook = Callable[[], Iterable[tuple[str, str]]]
"""Returns what is to be sent along with a call, such as the `traceparent` of the span that is open."""

_SETTINGS = ("target", "token", "workspace", "tls", "timeout")


class ConfigurationError(ValueError):
    """A setting is wrong; the message names it and where it came from."""


@dataclass(frozen=True, slots=True)
class TLS:
    """TLS with other than the usual settings.

    Attributes:
        root_certificates: PEM of the authorities to trust; None means those that come with gRPC.
        certificate_chain: PEM of the client's own certificate, for mutual TLS.
        private_key: PEM of the key to certificate_chain.
        server_name: Name to expect in the server's certificate, where it differs from the target's.
    """

    root_certificates: bytes | None = None
    certificate_chain: bytes | None = None
    private_key: bytes | None = field(default=None, repr=False)
    server_name: str | None = None


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """All that a client needs to know.

    Attributes:
        target: Address as gRPC writes it: `host:port`, `dns:///host:port` or `unix:/path/to/socket`.
        token: API key or JWT sent as `authorization: Bearer …`; None sends none.
        workspace: Workspace that every call is made in.
        tls: True or a `TLS` for TLS, False for plaintext; None means plaintext to this machine itself and TLS to any
            other, so that a token never leaves the machine unprotected by accident.
        timeout: Seconds for each call that is not a stream, its retries included; > 0.
        retry: How patiently calls are tried again.
        more_metadata: Asked before each call, on each try, for metadata to send along; names in lower case.
    """

    target: str = DEFAULT_TARGET
    token: str | None = field(default=None, repr=False)
    workspace: str = DEFAULT_WORKSPACE
    tls: bool | TLS | None = None
    timeout: float = DEFAULT_TIMEOUT
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    more_metadata: MetadataHook | None = field(default=None, repr=False)

    @classmethod
    def load(cls, flags: Mapping[str, str | None] | None = None, environment: Mapping[str, str] | None = None) -> Self:
        """Gather the settings from flags, else the environment, else the configuration file, else the defaults.

        The environment variables are RENDER_TARGET, RENDER_TOKEN, RENDER_WORKSPACE, RENDER_TLS and RENDER_TIMEOUT; the
        file is TOML with the same names in lower case without the prefix, at RENDER_CLIENT_CONFIG, else at
        `render/config.toml` under XDG_CONFIG_HOME or `~/.config`. `tls` is `on`, `off`, or the path of a PEM file with
        the authorities to trust; `timeout` is seconds.

        Args:
            flags: Settings given by hand, by name; None values count as not given.
            environment: In place of the process's own.

        Returns:
            The configuration.

        Raises:
            ConfigurationError: If a setting is wrong or a file cannot be read.
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
        """Metadata to send with a call that is made now."""
        more = tuple(self.more_metadata()) if self.more_metadata else ()
        # Call credentials would be refused by gRPC on a plaintext channel, even to the machine itself.
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
            # A frozen or vanished server is noticed after 20 + 10 s, also while a watch idles.
            ("grpc.keepalive_time_ms", 20_000),
            ("grpc.http2.ping_timeout_ms", 10_000),
            ("grpc.http2.max_pings_without_data", 0),
            # The defaults wait up to two minutes before they connect anew, long after the server is back.
            ("grpc.initial_reconnect_backoff_ms", 200),
            ("grpc.max_reconnect_backoff_ms", 5_000),
            # A page of 100 jobs with what their providers answered may exceed the usual 4 MiB.
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
        raise ConfigurationError(f"tls ({source}): neither on nor off nor a readable PEM file: {value}") from error


def _parse_timeout(value: str, source: str) -> float:
    try:
        timeout = float(value)
    except ValueError:
        timeout = 0.0
    if not 0 < timeout < float("inf"):
        raise ConfigurationError(f"timeout ({source}): not a number of seconds above 0: {value}")
    return timeout
