"""Settings and names that can never work: refused at once, before anything is sent."""

import subprocess
import sys

import pytest
from render_client import AsyncRenderClient, ClientConfig, ConfigurationError, RenderClient

from tests.unit.client.fake_server import FakeServer

TARGETS = {
    "": "target: empty; pass host:port",
    " ": "target: empty",
    "http://127.0.0.1:50051": "is a URL; pass host:port, such as 127.0.0.1:50051$",
    "https://render.example.com/": "is a URL; pass host:port, such as render.example.com:443$",
    "http://render.example.com": "such as render.example.com:80$",
    "https://[::1]:5": r"such as \[::1\]:5$",
    "127.0.0.1:50051\n": "contains a space or a line end",
}
TOKENS = {
    "rk_abc\n": "token: contains a line end; pass only the token itself",
    "rk_abc\r\n": "contains a line end",
    "Bearer rk_abc": "contains a space",
    "rk_schlüssel": "non-ASCII",
    "rk_\x00": "control character",
}


@pytest.mark.parametrize("client", [RenderClient, AsyncRenderClient])
@pytest.mark.parametrize(("target", "complaint"), TARGETS.items())
def test_a_target_that_can_never_work_is_refused(client: type, target: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        client(target)


@pytest.mark.parametrize(
    "target", ["render.example.com:443", "dns:///render:1", "unix:/run/render", "[::1]:5", "ipv4:1.2.3.4:5"]
)
def test_other_targets_are_accepted(target: str) -> None:
    assert ClientConfig(target).target == target


@pytest.mark.parametrize(("token", "complaint"), TOKENS.items())
def test_a_token_that_can_never_work_is_refused_and_not_shown(token: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint) as refused:
        RenderClient("127.0.0.1:1", token=token)
    assert "rk_" not in str(refused.value)


def test_the_source_of_a_refused_setting_is_named() -> None:
    environment = {"RENDER_TOKEN": "rk\n", "RENDER_CLIENT_CONFIG": ""}
    with pytest.raises(ConfigurationError, match=r"^token \(RENDER_TOKEN\): contains a line end"):
        ClientConfig.load({}, environment)
    with pytest.raises(ConfigurationError, match=r"^target \(--target\): 'http://x' is a URL"):
        ClientConfig.load({"target": "http://x"}, {"RENDER_CLIENT_CONFIG": ""})


def test_an_unknown_artifact_is_refused_with_the_nearest_known_one(client: RenderClient, tmp_path: object) -> None:
    with pytest.raises(ValueError, match="artifact: 'vidoe' is unknown; did you mean 'video'"):
        client.download("j", f"{tmp_path}/v", artifact="vidoe")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="artifact: 'x' is unknown; use one of video, poster"):
        client.create_download_url("j", artifact="x")  # type: ignore[arg-type]


def test_an_unknown_status_is_refused_before_the_first_item_is_asked_for(client: RenderClient) -> None:
    with pytest.raises(ValueError, match="status: 'completed' is unknown; did you mean 'COMPLETED'"):
        client.list(statuses=["completed"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="state: 'LOST' is unknown; use one of PENDING"):
        client.list_webhook_deliveries(states=["LOST"])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="statuses: must be a list"):
        client.list(statuses="FAILED")  # type: ignore[arg-type]


def test_a_failed_handshake_writes_nothing_to_standard_error(server: FakeServer) -> None:
    program = (
        "from render_client import RenderClient, RetryPolicy, UnavailableError\n"
        f"with RenderClient('127.0.0.1:{server.port}', tls=True, retry=RetryPolicy(call_attempts=1)) as client:\n"
        "    try: client.get('x')\n"
        "    except UnavailableError: print('unavailable')\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert (run.stdout, run.stderr) == ("unavailable\n", "")
