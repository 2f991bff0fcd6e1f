"""What may be fetched: the rules, and the part of them that can be checked by looking at a URI alone."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv6Address, ip_address
from os.path import normpath
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx

from render_service.fetch.addresses import Address, Network, is_public

MAX_URI_LENGTH = 2048
MAX_REDIRECT_LENGTH = 8192  # signed URLs of object stores outgrow what callers may write
GIB = 1024**3

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f-\xa0\\]")
_AUTHORITY = re.compile(r"[a-z]+://([^/?#]*)", re.IGNORECASE)
_WHOLE_AUTHORITY = re.compile(r"[a-z]+://[^/?#]*[/?#]")
_SIGNED_PORT = re.compile(r":[+-][0-9]*\Z")
_INSIDE = frozenset({"localhost", "localdomain", "local", "internal", "intranet", "lan", "home", "corp", "onion"})


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """What may be fetched, and within which limits.

    Attributes:
        allow_http: Whether unencrypted `http://` is allowed besides `https://`.
        allow_private: Whether addresses inside are allowed; for tests and development only.
        allowed_networks: Networks that are allowed although they are not public, such as that of an asset server.
        allowed_hosts: When not empty, the only hosts that are allowed, in lower case; `.example.com` takes in all names
            below it. Their addresses are checked all the same.
        file_roots: Absolute folders that `file://` may read from; empty forbids `file://`.
        max_bytes: Largest file, in decoded bytes.
        connect_timeout: For name, connection and TLS, each.
        idle_timeout: Between two pieces of an answer.
        total_timeout: For a whole fetch with its redirects.
        max_redirects: How many are followed.
    """

    allow_http: bool = False
    allow_private: bool = False
    allowed_networks: tuple[Network, ...] = ()
    allowed_hosts: frozenset[str] = frozenset()
    file_roots: tuple[Path, ...] = ()
    max_bytes: int = GIB
    connect_timeout: timedelta = timedelta(seconds=10)
    idle_timeout: timedelta = timedelta(seconds=30)
    total_timeout: timedelta = timedelta(minutes=10)
    max_redirects: int = 5

    def allows_address(self, address: Address) -> bool:
        """Tell whether a connection to this address is allowed."""
        return self.allow_private or is_public(address) or any(address in network for network in self.allowed_networks)


def check_uri(uri: str, policy: FetchPolicy) -> str | None:
    """Find what is wrong with a URI that a caller gave, without asking anything outside.

    Passing is not enough to be fetched: names are looked up, and their addresses checked, when connecting.

    Args:
        uri: Any text.
        policy: The rules.

    Returns:
        The fault in words that complete "… <field>: ", or None.
    """
    if not uri:
        return "must not be empty"
    if len(uri) > MAX_URI_LENGTH:
        return f"must have at most {MAX_URI_LENGTH} characters"
    return uri_fault(uri, policy)


def check_open_uri(pieces: Sequence[str], policy: FetchPolicy) -> str | None:
    """Do as `check_uri` for a URI of which parts are not known yet: find what is wrong whatever they will be.

    Args:
        pieces: At least two: what comes before, between and after the unknown parts; any of them may be empty.
        policy: The rules.
    """
    if sum(map(len, pieces)) > MAX_URI_LENGTH:
        return f"must have at most {MAX_URI_LENGTH} characters"
    if any(_UNPRINTABLE.search(piece) for piece in pieces):
        return "must not hold spaces, control characters or backslashes"
    start = pieces[0].lower()
    allowed = ["https://"] + ["http://"] * policy.allow_http + ["file://"] * bool(policy.file_roots)
    if not any(start.startswith(scheme) or scheme.startswith(start) for scheme in allowed):
        return "must begin with http:// or https://" if policy.allow_http else "must begin with https://"
    if start.startswith("file:") or _WHOLE_AUTHORITY.match(start) is None:
        return None
    return uri_fault(pieces[0], policy)


def uri_fault(uri: str, policy: FetchPolicy) -> str | None:
    """Do as `check_uri`, but for any length up to `MAX_REDIRECT_LENGTH`."""
    if len(uri) > MAX_REDIRECT_LENGTH:
        return f"must have at most {MAX_REDIRECT_LENGTH} characters"
    if _UNPRINTABLE.search(uri):
        return "must not hold spaces, control characters or backslashes"
    if uri[:5].lower() == "file:":
        return _file_fault(uri, policy)
    try:
        # The parser of the client that will connect: two parsers that disagree are a way in.
        url = httpx.URL(uri)
    except httpx.InvalidURL:
        return "is not a well-formed URL"
    return _authority_fault(uri) or url_fault(url, policy)


def _authority_fault(uri: str) -> str | None:
    """Find what can no longer be seen after parsing."""
    authority = _AUTHORITY.match(uri)
    if authority is None:
        return "must begin with https:// and a host"
    if "@" in authority[1]:
        return "must not hold a user name or password"
    return "is not a well-formed URL" if _SIGNED_PORT.search(authority[1]) else None


def url_fault(url: httpx.URL, policy: FetchPolicy) -> str | None:
    """Find what is wrong with an `http` or `https` URL, as `check_uri` does."""
    if url.scheme != "https" and not (url.scheme == "http" and policy.allow_http):
        return "must begin with http:// or https://" if policy.allow_http else "must begin with https://"
    if url.userinfo or b"@" in url.netloc:
        return "must not hold a user name or password"
    if url.port is not None and not (url.port in (80, 443) or 1024 <= url.port <= 65535):
        return "names a port that is not served by web servers"
    return _host_fault(url.raw_host.decode("ascii").lower(), policy)


def parse_literal(host: str) -> Address | None:
    """Return the address that a host in a URL spells out, or None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def _host_fault(host: str, policy: FetchPolicy) -> str | None:
    host = host.removesuffix(".")
    if not host:
        return "names no host"
    literal = parse_literal(host)
    fault = _name_fault(host, policy) if literal is None else _literal_fault(literal, policy)
    if fault is None and not _is_listed(host, policy):
        return "names a host that is not allowed here"
    return fault


def _literal_fault(address: Address, policy: FetchPolicy) -> str | None:
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return "must not name a network zone"
    return None if policy.allows_address(address) else "must not name a private, local or reserved address"


def _name_fault(host: str, policy: FetchPolicy) -> str | None:
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return "names no valid host"
    if _NUMBER.fullmatch(labels[-1]):
        # What ends in a number is an IPv4 address to some resolvers: decimal, octal, hexadecimal or shortened.
        return "must spell an IPv4 address with four decimal numbers"
    inside = len(labels) == 1 or labels[-1] in _INSIDE or host.endswith(".home.arpa")
    if inside and not (policy.allow_private or policy.allowed_networks):
        return "must not name a host inside a private network"
    return None


def _is_listed(host: str, policy: FetchPolicy) -> bool:
    if not policy.allowed_hosts or host in policy.allowed_hosts:
        return True
    return any(entry.startswith(".") and host.endswith(entry) for entry in policy.allowed_hosts)


def _file_fault(uri: str, policy: FetchPolicy) -> str | None:
    if not policy.file_roots:
        return "must begin with http:// or https://" if policy.allow_http else "must begin with https://"
    path = file_path(uri)
    if path is None:
        return "must name a file as file:///absolute/path"
    if not any(path.is_relative_to(root) for root in policy.file_roots):
        return "names a file outside the allowed folders"
    return None


def file_path(uri: str) -> Path | None:
    """Return the path that a `file://` URI names, with `..` resolved by text alone; None if it names none."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    text = unquote(parts.path)
    if parts.netloc not in ("", "localhost") or not text.startswith("/") or "\0" in text or parts.query:
        return None
    return Path("/" + normpath(text).lstrip("/"))
