"""Settings of the providers that generate clips."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, HttpUrl, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode

from render_service.config.names import WITHOUT_PREFIX
from render_service.domain.jobs.job import ProviderName


class ProviderSettings(BaseSettings):
    """URLs, keys and limits of the providers, which workers need; servers check which of them are configured."""

    model_config = WITHOUT_PREFIX

    default_provider: ProviderName = Field(default=ProviderName.LOCAL, validation_alias="VIDEO_GENERATION_PROVIDER")
    """VIDEO_GENERATION_PROVIDER: provider of jobs whose request names none."""
    runwayml_api_key: SecretStr | None = None
    """RUNWAYML_API_KEY: key of the provider `runway`."""
    runwayml_base_url: HttpUrl = HttpUrl("https://api.dev.runwayml.com")
    """RUNWAYML_BASE_URL: base URL of Runway's API, or of a gateway to it."""
    runwayml_concurrency: int = Field(default=5, ge=1, le=1000)
    """RUNWAYML_CONCURRENCY: how many clips `runway` makes at a time, over all workers; your tier's limit."""
    pika_api_key: SecretStr | None = None
    """PIKA_API_KEY: key of the provider `pika`, which fal serves."""
    pika_base_url: HttpUrl = HttpUrl("https://queue.fal.run")
    """PIKA_BASE_URL: base URL of fal's queue API, or of a gateway to it."""
    pika_concurrency: int = Field(default=5, ge=1, le=1000)
    """PIKA_CONCURRENCY: how many clips `pika` makes at a time, over all workers."""
    custom_video_api_url: HttpUrl | None = None
    """CUSTOM_VIDEO_API_URL: base URL of the provider `custom`."""
    custom_video_api_key: SecretStr | None = None
    """CUSTOM_VIDEO_API_KEY: key of the provider `custom`, sent as a bearer token; if unset, no key is sent."""
    custom_video_api_contract: Path | None = None
    """CUSTOM_VIDEO_API_CONTRACT: JSON file with the differences of a backend from the published HTTP contract."""
    custom_video_result_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """CUSTOM_VIDEO_RESULT_HOSTS: further hosts, separated by `,`, from which results of a backend inside the network
    may be fetched."""
    custom_video_concurrency: int = Field(default=4, ge=1, le=1000)
    """CUSTOM_VIDEO_CONCURRENCY: how many clips `custom` makes at a time, over all workers."""
    video_api_request_timeout: float = Field(default=60.0, gt=0, le=600)
    """VIDEO_API_REQUEST_TIMEOUT: time-out of one HTTP request to a provider, in seconds."""
    video_api_retry_attempts: int = Field(default=3, ge=0, le=20)
    """VIDEO_API_RETRY_ATTEMPTS: how often an idempotent HTTP request to a provider is retried."""
    video_api_retry_delay: float = Field(default=1.0, ge=0, le=60)
    """VIDEO_API_RETRY_DELAY: seconds before the first retry; doubles with each further one."""
    video_api_task_timeout: float = Field(default=1800.0, gt=0, le=86400)
    """VIDEO_API_TASK_TIMEOUT: seconds that a provider may take for one clip, its queue included."""
    video_api_poll_seconds: float | None = Field(default=None, gt=0, le=600)
    """VIDEO_API_POLL_SECONDS: seconds between two polls of a task; by default, what each provider asks for."""

    @field_validator("custom_video_result_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(host.strip().lower() for host in value.split(",") if host.strip())
        return value


def missing_settings(settings: ProviderSettings) -> dict[ProviderName, str]:
    """Return the providers that cannot be used, each with its missing setting."""
    needed = {
        ProviderName.RUNWAY: ("RUNWAYML_API_KEY", settings.runwayml_api_key),
        ProviderName.PIKA: ("PIKA_API_KEY", settings.pika_api_key),
        ProviderName.CUSTOM: ("CUSTOM_VIDEO_API_URL", settings.custom_video_api_url),
    }
    return {provider: name for provider, (name, value) in needed.items() if not value}
