"""The certificate authorities that connections of the service trust."""

import os
import ssl
from functools import cache

import httpx


def public_authorities() -> ssl.SSLContext:
    """Return the TLS context of a client that trusts the public authorities, or those of `SSL_CERT_FILE`.

    A process has one for all its clients: reading the authorities takes some 30 ms of processor time and 1 MB.
    """
    return _read(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@cache
def _read(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    return httpx.create_ssl_context()
