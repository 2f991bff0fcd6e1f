"""What may be fetched: the policy, and the part of it that can be checked on a URI alone."""

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

MAX_URI_LENGTH = 8192  # pre-signed URLs of object stores and CDNs are long
GIB = 1024**3

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f-\xa0\\]")
_AUTHORITY = re.compile(r"[a-z]+://([^/?#]*)", re.IGNORECASE)
_SCHEME_AND_AUTHORITY = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#]*", re.IGNORECASE)
_WHOLE_AUTHORITY = re.compile(r"[a-z]+://[^/?#]*[/?#]")
_SIGNED_PORT = re.compile(r":[+-][0-9]*\Z")
_PRIVATE_SUFFIXES = frozenset(
    {"localhost", "localdomain", "local", "internal", "intranet", "lan", "home", "corp", "onion"}
)


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """What may be fetched, and the limits of one fetch.

    Attributes:
        allow_http: Whether unencrypted `http://` is allowed besides `https://`.
        allow_private: Whether private addresses are allowed; for tests and development only.
        allowed_networks: Networks that are allowed although they are not public, such as that of an asset server.
        allowed_hosts: When not empty, the only allowed hosts, in lower case; `.example.com` includes all names below
            it. Their addresses are still checked.
        file_roots: Absolute folders that `file://` may read from; empty forbids `file://`.
        max_bytes: Largest file, in decoded bytes.
        connect_timeout: For each of: resolving the name, connecting, the TLS handshake.
        idle_timeout: Between two pieces of a response.
        response_timeout: From a request to the end of the response's headers.
        total_timeout: For a whole fetch, redirects and body included.
        max_redirects: How many redirects are followed.
    """

    allow_http: bool = False
    allow_private: bool = False
    allowed_networks: tuple[Network, ...] = ()
    allowed_hosts: frozenset[str] = frozenset()
    file_roots: tuple[Path, ...] = ()
    max_bytes: int = GIB
    connect_timeout: timedelta = timedelta(seconds=10)
    idle_timeout: timedelta = timedelta(seconds=30)
    response_timeout: timedelta = timedelta(seconds=60)
    total_timeout: timedelta = timedelta(minutes=5)
    max_redirects: int = 5

    def allows_address(self, address: Address) -> bool:
        """Return whether a connection to this address is allowed."""
        return self.allow_private or is_public(address) or any(address in network for network in self.allowed_networks)


def check_uri(uri: str, policy: FetchPolicy) -> str | None:
    """Return what is wrong with a caller's URI, without any request.

    A URI that passes may still be refused: names are resolved, and their addresses checked, when connecting.

    Args:
        uri: Any text.
        policy: What is allowed.

    Returns:
        The fault, to complete "<field>: …", or None.
    """
    if not uri:
        return "must not be empty"
    return uri_fault(uri, policy)


def check_open_uri(pieces: Sequence[str], policy: FetchPolicy) -> str | None:
    """Check a URI with unknown parts, as `check_uri` does: return what is wrong whatever these parts will be.

    Args:
        pieces: At least two: the text before, between and after the unknown parts; any may be empty.
        policy: What is allowed.
    """
    if sum(map(len, pieces)) > MAX_URI_LENGTH:
        return f"must have at most {MAX_URI_LENGTH} characters"
    if any(_UNPRINTABLE.search(piece) for piece in pieces):
        return "must not contain spaces, control characters or backslashes"
    start = pieces[0].lower()
    allowed = ["https://"] + ["http://"] * policy.allow_http + ["file://"] * bool(policy.file_roots)
    if not any(start.startswith(scheme) or scheme.startswith(start) for scheme in allowed):
        return "must begin with http:// or https://" if policy.allow_http else "must begin with https://"
    if start.startswith("file:") or _WHOLE_AUTHORITY.match(start) is None:
        return None
    return uri_fault(pieces[0], policy)


def uri_fault(uri: str, policy: FetchPolicy) -> str | None:
    """Return what is wrong with a URI from anywhere, as `check_uri` does for a caller's."""
    if len(uri) > MAX_URI_LENGTH:
        return f"must have at most {MAX_URI_LENGTH} characters"
    if _UNPRINTABLE.search(uri):
        return "must not contain spaces, control characters or backslashes"
    if uri[:5].lower() == "file:":
        return _file_fault(uri, policy)
    try:
        # The parser of the client that will connect: two parsers that disagree open a gap.
        url = httpx.URL(uri)
    except httpx.InvalidURL:
        return "is not a well-formed URL"
    return _authority_fault(uri) or url_fault(url, policy)


def quote_blanks(uri: str) -> str:
    """Percent-encode the blanks in a URI's path, query and fragment, as browsers do; others are left as they are."""
    authority = _SCHEME_AND_AUTHORITY.match(uri)
    start = authority.end() if authority else 0
    return uri[:start] + uri[start:].replace(" ", "%20")


def _authority_fault(uri: str) -> str | None:
    """Return what can no longer be seen after parsing."""
    authority = _AUTHORITY.match(uri)
    if authority is None:
        return "must begin with https:// and a host"
    if "@" in authority[1]:
        return "must not contain a user name or password"
    return "is not a well-formed URL" if _SIGNED_PORT.search(authority[1]) else None


def url_fault(url: httpx.URL, policy: FetchPolicy) -> str | None:
    """Return what is wrong with an `http` or `https` URL, as `check_uri` does."""
    if url.scheme != "https" and not (url.scheme == "http" and policy.allow_http):
        return "must begin with http:// or https://" if policy.allow_http else "must begin with https://"
    if url.userinfo or b"@" in url.netloc:
        return "must not contain a user name or password"
    if url.port is not None and not (url.port in (80, 443) or 1024 <= url.port <= 65535):
        return "must have port 80, 443, or 1024 to 65535"
    return _host_fault(url.raw_host.decode("ascii").lower(), policy)


def parse_literal(host: str) -> Address | None:
    """Return the IP address that a URL's host is, or None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def _host_fault(host: str, policy: FetchPolicy) -> str | None:
    host = host.removesuffix(".")
    if not host:
        return "must name a host"
    literal = parse_literal(host)
    fault = _name_fault(host, policy) if literal is None else _literal_fault(literal, policy)
    if fault is None and not _is_listed(host, policy):
        return "names a host that the operator does not allow"
    return fault


def _literal_fault(address: Address, policy: FetchPolicy) -> str | None:
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return "must not name a network zone"
    return None if policy.allows_address(address) else "must not name a private, local or reserved address"


def _name_fault(host: str, policy: FetchPolicy) -> str | None:
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return "must name a valid host"
    if _NUMBER.fullmatch(labels[-1]):
        # Some resolvers read a name that ends in a number as an IPv4 address: decimal, octal, hexadecimal, shortened.
        return "must write an IPv4 address as four decimal numbers"
    private = len(labels) == 1 or labels[-1] in _PRIVATE_SUFFIXES or host.endswith(".home.arpa")
    if private and not (policy.allow_private or policy.allowed_networks):
        return "must not name a host inside a private network"
    return None


def _is_listed(host: str, policy: FetchPolicy) -> bool:
    if not policy.allowed_hosts or host in policy.allowed_hosts:
        return True
    return any(entry.startswith(".") and host.endswith(entry) for entry in policy.allowed_hosts)


def _file_fault(uri: str, policy: FetchPolicy) -> str | None:
    if not policy.file_roots:
        schemes = "http:// or https://" if policy.allow_http else "https://"
        return f"must begin with {schemes}: this server reads no local files (allow folders with RENDER_FILE_ROOTS)"
    path = file_path(uri)
    if path is None:
        return "must name a file as file:///absolute/path"
    if not any(path.is_relative_to(root) for root in policy.file_roots):
        return "names a file outside the folders that the server allows (RENDER_FILE_ROOTS, or dev --allow)"
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
