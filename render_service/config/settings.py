"""Configuration from the environment or a file: every setting, its default, and what stops the start."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

import redis
import sqlalchemy as sa
from dotenv import dotenv_values
from pydantic import Field, HttpUrl, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from render_service.config.callbacks import CallbackSettings
from render_service.config.edge import EdgeSettings
from render_service.config.fetching import FetchSettings
from render_service.config.webhooks import WebhookSettings
from render_service.domain.jobs.job import ProviderName


class ConfigurationError(Exception):
    """A setting is invalid; the message is one line that names it."""


class Settings(EdgeSettings, CallbackSettings, WebhookSettings, FetchSettings):
    """All settings. Names in capitals are environment variables, or lines `NAME=value` of the file `RENDER_CONFIG`."""

    model_config = SettingsConfigDict(
        case_sensitive=False, extra="ignore", populate_by_name=True, use_attribute_docstrings=True
    )

    database_url: str = "postgresql://render@127.0.0.1:5432/render"
    """DATABASE_URL: Postgres, as `postgresql://user:password@host:port/database`."""
    redis_url: str = "redis://127.0.0.1:6379/0"
    """REDIS_URL: Redis or Valkey, as `redis://`, `rediss://` or `unix://`."""
    storage_url: str = "file:///var/lib/render-service/objects"
    """STORAGE_URL: the object store, as `file:///folder` or `s3://bucket/prefix`."""

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

    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", validation_alias="RENDER_LOG_LEVEL")
    """RENDER_LOG_LEVEL: lowest level that is logged."""

    worker_slots: int = Field(default=2, ge=1, le=256, validation_alias="RENDER_WORKER_SLOTS")
    """RENDER_WORKER_SLOTS: how many jobs one worker process runs at a time."""
    compose_processes: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        le=256,
        validation_alias="RENDER_COMPOSE_PROCESSES",
    )
    """RENDER_COMPOSE_PROCESSES: how many compose processes a worker has; default: one per core."""
    compose: Literal["local", "queue"] = Field(default="local", validation_alias="RENDER_COMPOSE")
    """RENDER_COMPOSE: `local` renders a video in the compose processes of its worker; `queue` distributes its segments
    to all workers."""
    work_dir: Path = Field(
        default=Path("/tmp/render-service"),  # noqa: S108 - a per-process folder with mode 0700 is made below it
        validation_alias="RENDER_WORK_DIR",
    )
    """RENDER_WORK_DIR: folder for a worker's scratch files; may be lost at any moment."""
    mock_delay: float = Field(default=1.5, ge=0, le=600, validation_alias="RENDER_MOCK_DELAY")
    """RENDER_MOCK_DELAY: seconds between the stages of the provider `mock`."""

    ready_file: Path | None = Field(default=None, validation_alias="RENDER_READY_FILE")
    """RENDER_READY_FILE: file that a worker writes when it accepts jobs, for supervisors and probes."""
    download_url_seconds: float = Field(
        default=3600.0, ge=60, le=7 * 86400, validation_alias="RENDER_DOWNLOAD_URL_SECONDS"
    )
    """RENDER_DOWNLOAD_URL_SECONDS: how long a pre-signed URL from CreateDownloadUrl is valid."""

    lease_seconds: float = Field(default=10.0, gt=0, le=3600, validation_alias="RENDER_LEASE_SECONDS")
    """RENDER_LEASE_SECONDS: how long a worker keeps its jobs without renewing their leases."""
    max_failed_attempts: int = Field(default=5, ge=1, le=100, validation_alias="RENDER_MAX_FAILED_ATTEMPTS")
    """RENDER_MAX_FAILED_ATTEMPTS: a job fails permanently after this many failed or lost attempts."""
    job_deadline_seconds: float = Field(default=4 * 3600.0, gt=0, validation_alias="RENDER_JOB_DEADLINE_SECONDS")
    """RENDER_JOB_DEADLINE_SECONDS: how long a job may run after its first start, over all attempts."""
    no_progress_seconds: float = Field(default=600.0, gt=0, validation_alias="RENDER_NO_PROGRESS_SECONDS")
    """RENDER_NO_PROGRESS_SECONDS: how long an attempt may make no progress before the job fails."""
    event_retention_days: float = Field(default=30.0, gt=0, validation_alias="RENDER_EVENT_RETENTION_DAYS")
    """RENDER_EVENT_RETENTION_DAYS: how long the state and stage changes of ended jobs are kept; terminal events are
    kept with their jobs."""
    shutdown_grace_seconds: float = Field(default=1.0, ge=0, le=3600, validation_alias="RENDER_SHUTDOWN_GRACE_SECONDS")
    """RENDER_SHUTDOWN_GRACE_SECONDS: how long running work may continue after SIGTERM before it is handed over.

    Short by default: finished segments are cached, so handing over costs little, and deployments are fast.
    """
    heartbeat_seconds: float = Field(default=15.0, gt=0, le=600, validation_alias="RENDER_HEARTBEAT_SECONDS")
    """RENDER_HEARTBEAT_SECONDS: how long a watch stays silent before it sends a heartbeat."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments first, then the environment, then the file that RENDER_CONFIG names."""
        file = DotEnvSettingsSource(settings_cls, env_file=os.environ.get("RENDER_CONFIG"))
        return init_settings, env_settings, file

    @field_validator("database_url")
    @classmethod
    def _postgres(cls, value: str) -> str:
        if not value.startswith(("postgresql://", "postgres://", "postgresql+psycopg://")):
            raise ValueError("must start with postgresql://")
        try:
            sa.make_url(value)
        except (sa.exc.ArgumentError, ValueError):
            # Not the parser's message: it may quote the password.
            raise ValueError("must have the form postgresql://user:password@host:port/database") from None
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: str) -> str:
        if not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must start with redis://, rediss:// or unix://")
        try:
            redis.Redis.from_url(value)
        except ValueError:
            raise ValueError("must have the form redis://user:password@host:port/number") from None
        return value

    @field_validator("storage_url")
    @classmethod
    def _storage(cls, value: str) -> str:
        if not value.startswith(("file:///", "s3://")):
            raise ValueError("must start with file:/// or s3://")
        return value

    @field_validator("custom_video_result_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(host.strip().lower() for host in value.split(",") if host.strip())
        return value

    @property
    def lease(self) -> timedelta:
        """How long a claim or renewal keeps a job."""
        return timedelta(seconds=self.lease_seconds)


def missing_settings(settings: Settings) -> dict[ProviderName, str]:
    """Return the providers that cannot be used, each with its missing setting."""
    needed = {
        ProviderName.RUNWAY: ("RUNWAYML_API_KEY", settings.runwayml_api_key),
        ProviderName.PIKA: ("PIKA_API_KEY", settings.pika_api_key),
        ProviderName.CUSTOM: ("CUSTOM_VIDEO_API_URL", settings.custom_video_api_url),
    }
    return {provider: name for provider, (name, value) in needed.items() if not value}


def load_settings() -> Settings:
    """Read the settings.

    Returns:
        The validated settings.

    Raises:
        ConfigurationError: a setting is invalid, or the file that RENDER_CONFIG names does not exist.
    """
    file = os.environ.get("RENDER_CONFIG")
    if file and not Path(file).is_file():
        raise ConfigurationError(f"RENDER_CONFIG: there is no file {file}")
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise ConfigurationError(
            f"{_variable(str(first['loc'][0]))}: {first['msg'].removeprefix('Value error, ')}"
        ) from None


def variables_given() -> set[str]:
    """Return the names of all environment variables and of the lines of the file that RENDER_CONFIG names."""
    return set(os.environ) | set(dotenv_values(os.environ.get("RENDER_CONFIG") or os.devnull))


def _variable(location: str) -> str:
    """Return the environment variable of a validation error's location."""
    if location.isupper():
        return location
    alias = Settings.model_fields[location].validation_alias
    return alias if isinstance(alias, str) else location.upper()
