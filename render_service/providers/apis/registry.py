"""The providers that generate clips: how each is opened from the settings. A new provider is one entry here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import HttpUrl, SecretStr

from render_service.config.settings import Settings
from render_service.domain.jobs.job import ProviderName
from render_service.providers.apis.custom import CustomProvider
from render_service.providers.apis.custom_contract import load_contract
from render_service.providers.apis.pika import PikaProvider
from render_service.providers.apis.runway import RunwayProvider

ConfiguredProvider = RunwayProvider | PikaProvider | CustomProvider


@dataclass(frozen=True, slots=True)
class ProviderEntry:
    """How a provider is opened. It is called only where the provider's required settings are set.

    Args:
        open: Creates the provider's API.
        base_url: Base URL of the API.
        result_hosts: Hosts besides the API's own that results may be fetched from if the API is inside the network.
    """

    open: Callable[[Settings], ConfiguredProvider]
    base_url: Callable[[Settings], HttpUrl | None]
    result_hosts: Callable[[Settings], tuple[str, ...]] = lambda _: ()


def _runway(settings: Settings) -> RunwayProvider:
    return RunwayProvider(
        str(settings.runwayml_base_url),
        _secret(settings.runwayml_api_key),
        concurrency=settings.runwayml_concurrency,
        timeout_seconds=settings.video_api_request_timeout,
    )


def _pika(settings: Settings) -> PikaProvider:
    return PikaProvider(
        str(settings.pika_base_url),
        _secret(settings.pika_api_key),
        concurrency=settings.pika_concurrency,
        timeout_seconds=settings.video_api_request_timeout,
        callback_url=settings.callback_url_of(ProviderName.PIKA),
    )


def _custom(settings: Settings) -> CustomProvider:
    key = settings.custom_video_api_key
    return CustomProvider(
        str(settings.custom_video_api_url),
        key.get_secret_value() if key else None,
        load_contract(settings.custom_video_api_contract),
        concurrency=settings.custom_video_concurrency,
        timeout_seconds=settings.video_api_request_timeout,
        callback_url=settings.callback_url_of(ProviderName.CUSTOM),
    )


PROVIDERS: Mapping[ProviderName, ProviderEntry] = {
    ProviderName.RUNWAY: ProviderEntry(_runway, lambda settings: settings.runwayml_base_url),
    ProviderName.PIKA: ProviderEntry(_pika, lambda settings: settings.pika_base_url),
    ProviderName.CUSTOM: ProviderEntry(
        _custom,
        lambda settings: settings.custom_video_api_url,
        lambda settings: tuple(settings.custom_video_result_hosts),
    ),
}


def _secret(key: SecretStr | None) -> str:
    assert key is not None, "opened only where its settings are set"
    return key.get_secret_value()
