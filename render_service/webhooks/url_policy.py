"""Which URLs webhooks may have: any public host over https, and private hosts that the operator names."""

from collections.abc import Sequence

import httpx

from render_service.fetch.policy import FetchPolicy, check_uri

MAX_URL_LENGTH = 2048

_PUBLIC = FetchPolicy()


class WebhookUrlPolicy:
    """Decides which URLs deliveries may go to.

    Args:
        allowed_hosts: Hosts, in lower case, that may have private addresses and may be reached over plain http.
    """

    def __init__(self, allowed_hosts: Sequence[str]) -> None:
        self._allowed_hosts = frozenset(allowed_hosts)
        self._policy = FetchPolicy(allow_http=True, allow_private=True, allowed_hosts=self._allowed_hosts)

    def policy(self, url: httpx.URL) -> FetchPolicy:
        """Return the policy that connections for this URL must follow."""
        return self._policy if url.raw_host.decode("ascii").lower() in self._allowed_hosts else _PUBLIC

    def fault(self, url: str) -> str | None:
        """Return what is wrong with a caller's URL, in words that complete "<field>: …"; None if it is allowed."""
        if len(url) > MAX_URL_LENGTH:
            return f"must have at most {MAX_URL_LENGTH} characters"
        try:
            policy = self.policy(httpx.URL(url))
        except httpx.InvalidURL:
            policy = _PUBLIC
        return check_uri(url, policy)


def host_of(url: str) -> str:
    """Return `host:port` of a valid URL, in lower case."""
    parsed = httpx.URL(url)
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    return f"{parsed.raw_host.decode('ascii').lower()}:{port}"
