"""Where the server may listen, and what it refuses to start with."""

from pathlib import Path
from typing import Any

import pytest
import trustme
from pydantic import ValidationError

from render_service.config.settings import ConfigurationError, Settings
from render_service.server.auth.authenticator import KeyReader
from render_service.server.auth.configured import make_authenticator
from render_service.server.listener import check_listen
from render_service.server.tls.credentials import server_credentials

BEYOND = ("0.0.0.0:50051", "[::]:50051", "10.1.2.3:50051", "render.internal:50051", "*:50051")
TLS = {"tls_cert": Path("server.pem"), "tls_key": Path("server.key")}


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "127.9.9.9:50051", "[::1]:50051", "localhost:50051"])
@pytest.mark.parametrize("auth", ["off", "api-keys"])
def test_on_this_machine_itself_anything_goes(listen: str, auth: str) -> None:
    assert check_listen(Settings(listen=listen, auth=auth)) == []


@pytest.mark.parametrize("listen", BEYOND)
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"auth": "off"},
        {"auth": "off", **TLS},
        {"auth": "off", "insecure_listen": True},
        {"auth": "off", "unauthenticated_listen": True},
        {"unauthenticated_listen": True},
    ],
    ids=str,
)
def test_listening_beyond_loopback_without_tls_or_auth_needs_an_explicit_setting(
    listen: str, given: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError, match=r"RENDER_(LISTEN|AUTH): "):
        check_listen(Settings(listen=listen, **given))


@pytest.mark.parametrize("listen", BEYOND)
@pytest.mark.parametrize(
    ("given", "warnings"),
    [
        (TLS, 0),
        ({"insecure_listen": True}, 1),
        ({"auth": "off", "unauthenticated_listen": True, **TLS}, 1),
        ({"auth": "off", "unauthenticated_listen": True, "insecure_listen": True}, 2),
    ],
    ids=str,
)
def test_an_explicit_insecure_listener_is_allowed_with_warnings(
    listen: str, given: dict[str, Any], warnings: int
) -> None:
    assert len(check_listen(Settings(listen=listen, **given))) == warnings


@pytest.mark.parametrize("listen", ["50051", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http", ":50051"])
def test_what_is_no_address_is_refused(listen: str) -> None:
    with pytest.raises(ConfigurationError, match="RENDER_LISTEN"):
        check_listen(Settings(listen=listen))


@pytest.mark.parametrize("auth", ["", "none", "api-keys,off", "off,jwt", "api-keys,,jwt", "oauth"])
def test_an_unknown_way_to_prove_who_one_is_stops_the_start(auth: str) -> None:
    with pytest.raises(ValidationError):
        Settings(auth=auth)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"auth": "jwt"}, "RENDER_JWT_ISSUER"),
        (
            {"auth": "jwt", "jwt_issuer": "i", "jwt_audience": "a", "jwt_jwks_url": "http://issuer.example/keys"},
            "RENDER_JWT_JWKS_URL",
        ),
        ({"auth": "mtls"}, "RENDER_TLS_CLIENT_CA"),
        ({"auth": "mtls", "tls_client_ca": "/ca.pem", "tls_subjects": "/absent.json"}, "RENDER_TLS_SUBJECTS"),
    ],
    ids=str,
)
async def test_a_method_that_lacks_a_setting_stops_the_start_with_its_name(given: dict[str, Any], named: str) -> None:
    keys = KeyReader.__new__(KeyReader)
    with pytest.raises(ConfigurationError, match=named):
        async with make_authenticator(Settings(**given), keys):
            pass


@pytest.mark.parametrize(
    "grants",
    [
        "",
        "[]",
        '{"CN=a": {}}',
        '{"CN=a": {"workspaces": ["No Workspace"]}}',
        '{"CN=a": {"workspaces": [], "acess": 1}}',
    ],
)
async def test_a_file_of_subjects_that_makes_no_sense_stops_the_start(tmp_path: Path, grants: str) -> None:
    file = tmp_path / "subjects.json"
    file.write_text(grants)
    settings = Settings(auth="mtls", tls_client_ca=Path("/ca.pem"), tls_subjects=file)
    with pytest.raises(ConfigurationError, match="RENDER_TLS_SUBJECTS"):
        async with make_authenticator(settings, KeyReader.__new__(KeyReader)):
            pass


def test_tls_files_that_do_not_belong_together_stop_the_start(tmp_path: Path) -> None:
    authority = trustme.CA()
    one, other = authority.issue_cert("localhost"), authority.issue_cert("localhost")
    cert, key, garbage = tmp_path / "cert.pem", tmp_path / "key.pem", tmp_path / "garbage.pem"
    one.cert_chain_pems[0].write_to_path(str(cert))
    other.private_key_pem.write_to_path(str(key))
    garbage.write_text("garbage")
    one.private_key_pem.write_to_path(str(tmp_path / "right.pem"))
    assert server_credentials(Settings(tls_cert=cert, tls_key=tmp_path / "right.pem")) is not None
    assert server_credentials(Settings()) is None
    wrong: list[dict[str, Any]] = [
        {"tls_cert": cert, "tls_key": key},
        {"tls_cert": garbage, "tls_key": key},
        {"tls_cert": cert, "tls_key": tmp_path / "absent.pem"},
        {"tls_cert": cert, "tls_key": tmp_path / "right.pem", "tls_client_ca": garbage},
        {"tls_cert": cert},
        {"tls_key": key},
        {"tls_client_ca": cert},
    ]
    for given in wrong:
        with pytest.raises(ConfigurationError, match="RENDER_TLS"):
            server_credentials(Settings(**given))
