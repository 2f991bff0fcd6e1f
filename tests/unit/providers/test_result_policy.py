"""Results of providers are fetched from the open network, unless the operator has put the provider inside."""

import pytest
from pydantic import HttpUrl

from render_service.config.settings import Settings
from render_service.domain.jobs.job import ProviderName
from render_service.fetch.policy import FetchPolicy
from render_service.worker.providers import result_policy

BASE_URL_SETTING = {
    ProviderName.RUNWAY: "runwayml_base_url",
    ProviderName.PIKA: "pika_base_url",
    ProviderName.CUSTOM: "custom_video_api_url",
}


def policy_of(name: ProviderName, base: str) -> FetchPolicy:
    """The policy for the results of a provider whose API has this URL."""
    settings = Settings(max_asset_bytes=1234, custom_video_result_hosts=("files.lan",))
    return result_policy(name, settings.model_copy(update={BASE_URL_SETTING[name]: HttpUrl(base)}))


@pytest.mark.parametrize("name", [ProviderName.RUNWAY, ProviderName.PIKA, ProviderName.CUSTOM])
@pytest.mark.parametrize(
    "base",
    ["https://api.example.com", "https://api.example.com:8443/v1", "http://203.0.114.9", "https://[2001:4860::8]"],
)
def test_a_provider_outside_gives_results_outside_over_https_only(name: ProviderName, base: str) -> None:
    policy = policy_of(name, base)
    assert not policy.allow_http
    assert not policy.allow_private
    assert not policy.file_roots
    assert policy.max_bytes == 1234


@pytest.mark.parametrize(
    ("base", "host"),
    [
        ("http://127.0.0.1:8900", "127.0.0.1"),
        ("http://localhost:8900", "localhost"),
        ("https://10.1.2.3/api", "10.1.2.3"),
        ("http://[::1]:80", "::1"),
        ("http://[fd00::1]", "fd00::1"),
        ("http://video-backend", "video-backend"),
        ("http://Video.Internal", "video.internal"),
        ("http://video.lan", "video.lan"),
        ("http://video.local", "video.local"),
        ("http://169.254.169.254", "169.254.169.254"),
    ],
)
def test_a_provider_inside_gives_results_on_its_own_host_and_on_those_named_for_custom(base: str, host: str) -> None:
    policy = policy_of(ProviderName.CUSTOM, base)
    assert policy.allow_http
    assert policy.allow_private
    assert policy.allowed_hosts == {host, "files.lan"}
    assert policy.max_bytes == 1234
    assert policy_of(ProviderName.RUNWAY, base).allowed_hosts == {host}
