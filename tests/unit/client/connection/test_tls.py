"""Protected lines: the server is known by its certificate, and the client by its own where the server asks for it."""

from collections.abc import Iterator

import grpc
import pytest
import trustme
from render_client import TLS, RenderClient, RetryPolicy, UnavailableError

from tests.unit.client.fake_server import FakeServer
from tests.unit.client.fake_service import FakeService

NAME = "render.example"
PATIENCE = RetryPolicy(first_delay=0.01, call_attempts=2)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """An authority of our own."""
    return trustme.CA()


@pytest.fixture(params=[False, True], ids=["server", "mutual"])
def mutual(request: pytest.FixtureRequest) -> bool:
    """Whether the server asks for the client's certificate."""
    return bool(request.param)


@pytest.fixture
def port(authority: trustme.CA, service: FakeService, mutual: bool) -> Iterator[int]:
    """Port of a server with a certificate for NAME."""
    certificate = authority.issue_cert(NAME)
    chain = b"".join(part.bytes() for part in certificate.cert_chain_pems)
    credentials = grpc.ssl_server_credentials(
        [(certificate.private_key_pem.bytes(), chain)],
        root_certificates=authority.cert_pem.bytes() if mutual else None,
        require_client_auth=mutual,
    )
    server = FakeServer(service, credentials)
    server.start()
    yield server.port
    server.stop()


def own_tls(authority: trustme.CA, *, trusted: trustme.CA) -> TLS:
    certificate = authority.issue_cert("client.example")
    return TLS(
        root_certificates=trusted.cert_pem.bytes(),
        certificate_chain=b"".join(part.bytes() for part in certificate.cert_chain_pems),
        private_key=certificate.private_key_pem.bytes(),
        server_name=NAME,
    )


def test_a_call_reaches_the_server_with_the_right_certificates(
    authority: trustme.CA, service: FakeService, port: int
) -> None:
    job_id = service.new_job()
    tls = own_tls(authority, trusted=authority)
    with RenderClient(f"127.0.0.1:{port}", token="a-token", tls=tls, retry=PATIENCE) as client:
        assert client.get(job_id).job_id == job_id
    assert service.tokens == ["Bearer a-token"]


def test_no_token_goes_to_a_server_that_is_not_trusted(authority: trustme.CA, service: FakeService, port: int) -> None:
    tls = own_tls(authority, trusted=trustme.CA())
    client = RenderClient(f"127.0.0.1:{port}", token="a-token", tls=tls, retry=PATIENCE)
    with client, pytest.raises(UnavailableError):
        client.get("x")
    assert service.tokens == []


def test_a_failed_handshake_is_explained(authority: trustme.CA, service: FakeService, port: int) -> None:
    plain = FakeServer(service)
    plain.start()
    trusted = TLS(root_certificates=authority.cert_pem.bytes(), server_name="other.example")
    cases: list[tuple[int, bool | TLS, str]] = [
        (plain.port, True, "does the server speak TLS"),
        (port, False, "does the server expect TLS"),
        (port, TLS(root_certificates=trustme.CA().cert_pem.bytes(), server_name=NAME), "not signed by a trusted"),
        (port, trusted, "the server's certificate is for another name"),
    ]
    for target_port, tls, hint in cases:
        with (
            RenderClient(f"127.0.0.1:{target_port}", tls=tls, retry=PATIENCE) as client,
            pytest.raises(UnavailableError, match=hint),
        ):
            client.get("x")
    plain.stop()
