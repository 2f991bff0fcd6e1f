"""Where the client's settings come from, and when a line is protected."""

from pathlib import Path

import pytest
from render_client import TLS, ClientConfig, ConfigurationError


def test_flags_go_before_environment_before_file_before_defaults(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('target = "file:1"\nworkspace = "file"\ntoken = "file"\ntls = false\ntimeout = 3\n')
    environment = {
        "RENDER_CLIENT_CONFIG": str(file),
        "RENDER_TARGET": "environment:1",
        "RENDER_WORKSPACE": "environment",
    }
    config = ClientConfig.load({"target": "flag:1", "token": None}, environment)
    assert config == ClientConfig("flag:1", "file", "environment", False, 3.0)
    assert ClientConfig.load({}, {"XDG_CONFIG_HOME": str(tmp_path / "none")}) == ClientConfig()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("target = ", "config.toml"),
        ('taget = "x"', "unknown setting 'taget'"),
        ('timeout = "soon"', r"timeout \(config file\)"),
        ("timeout = -1", r"timeout \(config file\)"),
        ('tls = "/no/such/file"', r"tls \(config file\)"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=complaint):
        ClientConfig.load({}, {"RENDER_CLIENT_CONFIG": str(tmp_path / "config.toml")})


def test_a_config_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        ClientConfig.load({}, {"RENDER_CLIENT_CONFIG": str(tmp_path / "none.toml")})


@pytest.mark.parametrize(
    "target",
    ["127.0.0.1:1", "localhost:1", "[::1]:1", "unix:/x", "dns:///localhost:1", "ipv4:127.0.0.1:1", "localhost"],
)
def test_this_machine_is_spoken_to_in_plaintext(target: str) -> None:
    assert ClientConfig(target).credentials() is None


@pytest.mark.parametrize("target", ["render.example:443", "10.0.0.1:1", "dns:///render:1", "localhost.evil:1"])
def test_connections_to_other_machines_use_tls_by_default(target: str) -> None:
    assert ClientConfig(target).credentials() is not None
    assert ClientConfig(target, tls=False).credentials() is None


def test_secrets_do_not_show() -> None:
    assert "geheim" not in repr(ClientConfig("x:1", "geheim", tls=TLS(private_key=b"geheim")))


def test_a_pem_file_is_taken_for_the_authorities_to_trust(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(b"pem")
    config = ClientConfig.load({"tls": str(tmp_path / "ca.pem")}, {"XDG_CONFIG_HOME": str(tmp_path)})
    assert config.tls == TLS(root_certificates=b"pem")
