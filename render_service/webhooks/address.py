"""Where deliveries may go: anywhere public over https, and to hosts inside the network that the operator names."""

from collections.abc import Sequence

import httpx

from render_service.fetch.policy import FetchPolicy, check_uri

_OUTSIDE = FetchPolicy()


class Addresses:
    """Knows which addresses may be receivers.

    Args:
        inside: Hosts, in lower case, that may be private and spoken to over plain http.
    """

    def __init__(self, inside: Sequence[str]) -> None:
        self._inside = frozenset(inside)
        self._policy = FetchPolicy(allow_http=True, allow_private=True, allowed_hosts=self._inside)

    def policy(self, url: httpx.URL) -> FetchPolicy:
        """Return what connections for this address are held to."""
        return self._policy if url.raw_host.decode("ascii").lower() in self._inside else _OUTSIDE

    def fault(self, url: str) -> str | None:
        """Find what is wrong with an address that a caller gave, to complete "… <field>: "; None: nothing."""
        try:
            policy = self.policy(httpx.URL(url))
        except httpx.InvalidURL:
            policy = _OUTSIDE
        return check_uri(url, policy)


def host_of(url: str) -> str:
    """Return host and port of a sound address, in lower case."""
    parsed = httpx.URL(url)
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    return f"{parsed.raw_host.decode('ascii').lower()}:{port}"
