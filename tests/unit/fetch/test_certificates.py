"""One TLS context a process, made anew where the environment names other authorities."""

import certifi
import pytest

from render_service.fetch.certificates import public_authorities


def test_all_clients_of_a_process_share_the_authorities(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    shared = public_authorities()
    assert public_authorities() is shared
    monkeypatch.setenv("SSL_CERT_FILE", certifi.where())
    assert public_authorities() is not shared
