"""Configuration from the environment or a file: every setting, its default, and what stops the start."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Literal

from dotenv import dotenv_values
from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from render_service.config.callbacks import CallbackSettings
from render_service.config.edge import EdgeSettings
from render_service.config.fetching import FetchSettings
from render_service.config.names import WITH_PREFIX, variable_of
from render_service.config.providers import ProviderSettings
from render_service.config.recognition import RecognitionSettings
from render_service.config.speech import SpeechSettings
from render_service.config.speech_providers import SpeechProviderSettings
from render_service.config.stores import StoreSettings
from render_service.config.webhooks import WebhookSettings


class ConfigurationError(Exception):
    """A setting is invalid; the message is one line that names it."""


class Settings(
    StoreSettings,
    ProviderSettings,
    SpeechSettings,
    SpeechProviderSettings,
    RecognitionSettings,
    EdgeSettings,
    CallbackSettings,
    WebhookSettings,
    FetchSettings,
):
    """All settings. Names in capitals are environment variables, or lines `NAME=value` of the file `RENDER_CONFIG`."""

    model_config = SettingsConfigDict(**WITH_PREFIX, case_sensitive=False, extra="ignore", populate_by_name=True)

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """RENDER_LOG_LEVEL: lowest level that is logged."""

    worker_slots: int = Field(default=2, ge=1, le=256)
    """RENDER_WORKER_SLOTS: how many jobs one worker process runs at a time. While all slots are busy, it runs one more
    job of a workspace that has no job running."""
    compose_processes: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        le=256,
    )
    """RENDER_COMPOSE_PROCESSES: how many compose processes a worker has; default: one per core."""
    compose: Literal["local", "queue"] = "local"
    """RENDER_COMPOSE: `local` renders a video in the compose processes of its worker; `queue` distributes its segments
    to all workers."""
    work_dir: Path = Field(
        default=Path("/tmp/render-service"),  # noqa: S108 - a per-process folder with mode 0700 is made below it
    )
    """RENDER_WORK_DIR: folder for a worker's scratch files; may be lost at any moment."""
    mock_delay: float = Field(default=1.5, ge=0, le=600)
    """RENDER_MOCK_DELAY: seconds between the stages of the provider `mock`."""

    ready_file: Path | None = None
    """RENDER_READY_FILE: file that a worker writes when it accepts jobs, for supervisors and probes."""
    download_url_seconds: float = Field(default=3600.0, ge=60, le=7 * 86400)
    """RENDER_DOWNLOAD_URL_SECONDS: how long a pre-signed URL from CreateDownloadUrl is valid."""

    lease_seconds: float = Field(default=10.0, gt=0, le=3600)
    """RENDER_LEASE_SECONDS: how long a worker keeps its jobs without renewing their leases."""
    max_failed_attempts: int = Field(default=5, ge=1, le=100)
    """RENDER_MAX_FAILED_ATTEMPTS: a job fails permanently after this many failed or lost attempts."""
    job_deadline_seconds: float = Field(default=4 * 3600.0, gt=0)
    """RENDER_JOB_DEADLINE_SECONDS: how long a job may run after its first start, over all attempts."""
    no_progress_seconds: float = Field(default=600.0, gt=0)
    """RENDER_NO_PROGRESS_SECONDS: how long an attempt may make no progress before the job fails."""
    event_retention_days: float = Field(default=30.0, gt=0)
    """RENDER_EVENT_RETENTION_DAYS: how long the state and stage changes of ended jobs are kept; terminal events are
    kept with their jobs."""
    shutdown_grace_seconds: float = Field(default=1.0, ge=0, le=3600)
    """RENDER_SHUTDOWN_GRACE_SECONDS: how long running work may continue after SIGTERM before it is handed over.

    Short by default: finished segments are cached, so handing over costs little, and deployments are fast.
    """
    heartbeat_seconds: float = Field(default=15.0, gt=0, le=600)
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
        file = DotEnvSettingsSource(
            settings_cls, env_file=os.environ.get("RENDER_CONFIG"), dotenv_filtering="only_existing"
        )
        for source in (env_settings, file):
            # Arguments are named after fields, variables never: AUTH or LISTEN of another program must not set ours.
            source.config = SettingsConfigDict(**{**source.config, "populate_by_name": False})
        return init_settings, env_settings, file

    @property
    def lease(self) -> timedelta:
        """How long a claim or renewal keeps a job."""
        return timedelta(seconds=self.lease_seconds)


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
    """Return the environment variable of a validation error's location: an alias, or a field."""
    field = Settings.model_fields.get(location)
    return location if field is None else variable_of(location, field)
